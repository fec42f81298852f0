// recurrent: a loop over time of two products and one loop over the units, whatever the number of steps. Behind the
// steps' states the result holds the current state, which each step reads and then writes.
#include "mcuc/IR/Recurrent.h"
#include "Lowering.h"
#include "absl/strings/str_cat.h"

namespace mcuc {

namespace {

class Cell {
 public:
  Cell(const Node& node, Emission& out)
      : node_(node),
        attrs_(node.As<RecurrentAttrs>()),
        out_(out),
        sizes_(SizesOf(attrs_, node.operand(0)->type().shape, node.operand(2)->type().shape)),
        places_(PlacesOf(attrs_)) {}

  void Lower() {
    const auto row = static_cast<int64_t>(sizes_.batch * sizes_.hidden);
    const int64_t time = Time(), state = row * static_cast<int64_t>(sizes_.states);
    const std::string x = out_.Read(*node_.operand(0)), y = out_.Write(*node_.result());
    const auto read = [&](const std::optional<size_t>& place) {
      return place ? out_.Read(*node_.operand(*place)) : std::string();
    };
    bias_ = read(places_.bias);
    peepholes_ = read(places_.peepholes);
    const std::string initial = read(places_.state), lengths = read(places_.lengths);
    const auto gates = static_cast<int64_t>(sizes_.gates * sizes_.hidden), units = static_cast<int64_t>(sizes_.hidden);
    // W x + b; then R h is added in place, or for GRUs has a place of its own behind.
    const int64_t work = gates + (attrs_.cell == CellKind::gru_after ? gates
                                  : attrs_.cell == CellKind::gru     ? units
                                                                     : 0);
    gates_ = out_.Scratch("float", work + (attrs_.last ? 0 : state));
    out_.Use("<string.h>");
    const std::string last = !attrs_.last ? absl::StrCat(gates_, " + ", work)
                             : attrs_.all ? absl::StrCat(y, " + ", time * row)
                                          : y;
    if (places_.state) {
      out_.Call("memcpy", {last, initial, absl::StrCat(state, " * sizeof(float)")});
    } else {
      out_.Call("memset", {last, "0", absl::StrCat(state, " * sizeof(float)")});
    }
    const std::string i = out_.OpenLoop(0, time);
    const std::string t = attrs_.reverse ? absl::StrCat(time - 1, " - ", i) : i;
    const std::string at = out_.Local("at");
    const bool batched = sizes_.batch > 1;
    const std::string b = batched ? out_.OpenLoop(1, static_cast<int64_t>(sizes_.batch)) : "0";
    const std::string step = batched ? absl::StrCat("(", t, ") * ", sizes_.batch, " + ", b) : t;
    out_.Line(absl::StrCat("const int32_t ", at, " = ", step, ";"));
    h_ = out_.Local("h");
    out_.Line(absl::StrCat("float *const ", h_, " = ", last, batched ? absl::StrCat(" + ", b, " * ", units) : "", ";"));
    if (HasCellState(attrs_.cell)) {
      c_ = out_.Local("c");
      out_.Line(absl::StrCat("float *const ", c_, " = ", h_, " + ", row, ";"));
    }
    const std::string to = absl::StrCat(y, " + ", at, " * ", units), bytes = absl::StrCat(units, " * sizeof(float)");
    if (places_.lengths) out_.Open(absl::StrCat("if (", t, " < ", lengths, "[", b, "])"));
    Step(absl::StrCat(x, " + ", at, " * ", sizes_.inputs));
    if (attrs_.all) out_.Call("memcpy", {to, h_, bytes});
    if (places_.lengths) {
      out_.Close();
      if (attrs_.all) {
        out_.Open("else");
        out_.Call("memset", {to, "0", bytes});
        out_.Close();
      }
    }
    if (batched) out_.Close();
    out_.Close();
  }

 private:
  int64_t Time() const { return static_cast<int64_t>(sizes_.time); }

  // gates_[gate * H + j]
  std::string Gate(size_t gate) const { return absl::StrCat(gates_, "[", Plus(gate), "]"); }
  std::string Plus(size_t gate) const { return gate == 0 ? j_ : absl::StrCat(gate * sizes_.hidden, " + ", j_); }

  // Declares a local: function i of a sum.
  std::string Applied(const char* name, size_t i, const std::string& sum) {
    const UnaryFn fn = i == 0 ? attrs_.f : i == 1 ? attrs_.g : attrs_.h;
    const auto parameter = [&](const Floats& list) { return list.empty() ? 0.0F : list[i]; };
    const std::string v = out_.Local(absl::StrCat(name, "_sum")), result = out_.Local(name);
    const std::string clipped =
        attrs_.clip > 0 ? RealFunction(out_, UnaryFn::clip, ElementType::f32, sum, -attrs_.clip, attrs_.clip) : sum;
    out_.Line(absl::StrCat("const float ", v, " = ", clipped, ";"));
    out_.Line(absl::StrCat("const float ", result, " = ",
                           RealFunction(out_, fn, ElementType::f32, v, parameter(attrs_.alpha), parameter(attrs_.beta)),
                           ";"));
    return result;
  }

  std::string Peephole(size_t gate, const std::string& c) const {
    return places_.peepholes ? absl::StrCat(" + ", peepholes_, "[", Plus(gate), "] * ", c) : "";
  }

  void Step(const std::string& x) {
    const auto units = static_cast<int64_t>(sizes_.hidden);
    const std::string name = out_.NodeName();
    CallFloatFc(out_, name + "_w", *node_.operand(1), x, places_.bias ? bias_ : "0", gates_);
    const bool after = attrs_.cell == CellKind::gru_after;
    const std::string own = absl::StrCat(gates_, " + ", 3 * units);  // of GRUs: R h, or r h
    CallFloatFc(out_, name + "_r", *node_.operand(2), h_, after ? "0" : gates_, after ? own : gates_);
    j_ = out_.OpenLoop(2, units);
    switch (attrs_.cell) {
      case CellKind::rnn: {
        out_.Line(absl::StrCat(h_, "[", j_, "] = ", Applied("state", 0, Gate(0)), ";"));
        break;
      }
      case CellKind::gru: {
        out_.Line(absl::StrCat(gates_, "[", Plus(3), "] = ", Applied("reset", 0, Gate(1)), " * ", h_, "[", j_, "];"));
        out_.Close();
        CallFloatFc(out_, name + "_candidate", *node_.operand(*places_.candidate), own,
                    absl::StrCat(gates_, " + ", 2 * units), absl::StrCat(gates_, " + ", 2 * units));
        j_ = out_.OpenLoop(2, units);
        Blend(Applied("update", 0, Gate(0)), Applied("candidate", 1, Gate(2)));
        break;
      }
      case CellKind::gru_after: {
        const std::string update = Applied("update", 0, absl::StrCat(Gate(0), " + ", Gate(3)));
        const std::string reset = Applied("reset", 0, absl::StrCat(Gate(1), " + ", Gate(4)));
        const std::string inner = places_.bias ? absl::StrCat("(", Gate(5), " + ", bias_, "[", Plus(3), "])") : Gate(5);
        Blend(update, Applied("candidate", 1, absl::StrCat(Gate(2), " + ", reset, " * ", inner)));
        break;
      }
      case CellKind::lstm:
      case CellKind::lstm_coupled: {
        const std::string c = absl::StrCat(c_, "[", j_, "]");
        const std::string in = Applied("input", 0, Gate(0) + Peephole(0, c));
        const std::string forget = attrs_.cell == CellKind::lstm_coupled
                                       ? absl::StrCat("(1.0f - ", in, ")")
                                       : Applied("forget", 0, Gate(2) + Peephole(2, c));
        const std::string value = Applied("value", 1, Gate(3));
        out_.Line(absl::StrCat(c, " = ", forget, " * ", c, " + ", in, " * ", value, ";"));
        const std::string output = Applied("output", 0, Gate(1) + Peephole(1, c));
        out_.Line(absl::StrCat(h_, "[", j_, "] = ", output, " * ", Applied("cell", 2, c), ";"));
        break;
      }
    }
    out_.Close();
  }

  void Blend(const std::string& update, const std::string& candidate) {
    const std::string h = absl::StrCat(h_, "[", j_, "]");
    out_.Line(absl::StrCat(h, " = (1.0f - ", update, ") * ", candidate, " + ", update, " * ", h, ";"));
  }

  const Node& node_;
  const RecurrentAttrs& attrs_;
  Emission& out_;
  const RecurrentSizes sizes_;
  const RecurrentPlaces places_;
  std::string bias_, peepholes_, gates_, h_, c_, j_;
};

}  // namespace

absl::Status LowerRecurrent(const Node& node, Emission& out) {
  Cell(node, out).Lower();
  return absl::OkStatus();
}

}  // namespace mcuc
