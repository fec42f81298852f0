// Linear models, support vector regression and preprocessing of ai.onnx.ml.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "Classical.h"

namespace mcuc::importer {

absl::StatusOr<Symbol*> FeaturesOf(Lowering& l) {
  MCUC_RETURN_IF_ERROR(l.CheckNotEmpty());
  MCUC_RETURN_IF_ERROR(l.CheckRank(0, 1, 2));
  Symbol* x = l.input(0);
  if (x->type.element == ElementType::f64 || x->type.element == ElementType::i64) {
    l.Remark(absl::StrCat("the features are ", ElementTypeName(x->type.element), "; they are computed as f32"));
  }
  MCUC_ASSIGN_OR_RETURN(x, l.Cast(x, ElementType::f32));
  return x->rank() == 1 ? l.Reshape(x, {1, x->shape()[0]}) : x;
}

namespace {

std::vector<std::string> StringLabels(const Lowering& l) { return l.StringList("classlabels_strings"); }

}  // namespace

absl::StatusOr<Ints> LabelsOf(const Lowering& l, const char* ints) {
  Ints labels = l.IntList(ints);
  const std::vector<std::string> names = StringLabels(l);
  if (!names.empty()) {
    if (!labels.empty()) return Unsupported(ints, " and classlabels_strings exclude each other");
    labels.resize(names.size());
    std::iota(labels.begin(), labels.end(), 0);
  }
  if (labels.empty()) return Unsupported(ints, " is missing");
  return labels;
}

namespace {

// Softmax in which scores of 0 stay (nearly) 0.
Symbol* SoftmaxZero(Compose& c, Symbol* x) {
  Symbol* most = c.Reduce(ReduceFn::max, x, {1});
  Symbol* small = c.Compare(CompareFn::less_equal, c.Unary(UnaryFn::abs, x), c.Scalar(1e-7, x));
  Symbol* zeros = c.Mul(x, c.Unary(UnaryFn::exp, c.Unary(UnaryFn::neg, most)));
  Symbol* values = c.Select(small, zeros, c.Unary(UnaryFn::exp, c.Sub(x, most)));
  return c.Div(values, c.Reduce(ReduceFn::sum, values, {1}));
}

// The inverse of the normal distribution: sqrt(2) erfinv(2 x - 1), with Winitzki's approximation of erfinv.
Symbol* Probit(Compose& c, Symbol* x) {
  const auto number = [&](double value) { return c.Scalar(value, x); };
  constexpr double kA = 0.147, kPi = 3.14159;
  Symbol* t = c.Sub(c.Mul(x, number(2)), number(1));
  Symbol* log = c.Unary(UnaryFn::log, c.Mul(c.Sub(number(1), t), c.Add(number(1), t)));
  Symbol* v = c.Add(c.Mul(log, number(0.5)), number(2 / (kPi * kA)));
  Symbol* root = c.Unary(UnaryFn::sqrt, c.Sub(c.Mul(v, v), c.Mul(log, number(1 / kA))));
  Symbol* size = c.Unary(UnaryFn::sqrt, c.Sub(root, v));
  return c.Mul(c.Mul(c.Unary(UnaryFn::sign, t), size), number(1.41421356));
}

}  // namespace

Symbol* PostTransform(const Lowering& l, Compose& c, Symbol* scores) {
  const std::string transform = l.String("post_transform", "NONE");
  if (!scores || transform == "NONE") return scores;
  if (transform == "LOGISTIC") return c.Unary(UnaryFn::sigmoid, scores);
  if (transform == "SOFTMAX") return c.Softmax(scores, 1);
  if (transform == "SOFTMAX_ZERO") return SoftmaxZero(c, scores);
  if (transform == "PROBIT") return Probit(c, scores);
  c.Fail(Unsupported("post_transform = \"", transform, "\"; supported: NONE, LOGISTIC, SOFTMAX, SOFTMAX_ZERO, PROBIT"));
  return nullptr;
}

namespace {

// labels[places], one a row; places themselves where they are the labels, or stand for strings.
Symbol* Labelled(const Lowering& l, Compose& c, Symbol* places, const Ints& labels) {
  if (places && !StringLabels(l).empty()) {
    places->strings = StringLabels(l);
    return places;
  }
  bool same = true;
  for (size_t i = 0; i < labels.size(); ++i) same &= labels[i] == static_cast<int64_t>(i);
  if (same) return places;
  return c.Gather(c.Integers(labels, {static_cast<int64_t>(labels.size())}), places, 0);
}

}  // namespace

absl::Status ReturnClasses(const Lowering& l, Compose& c, Symbol* scores, const Ints& labels) {
  if (!scores) return c.status();
  if (scores->shape()[1] != static_cast<int64_t>(labels.size())) {
    return Unsupported("there are ", scores->shape()[1], " scores for ", labels.size(), " labels");
  }
  MCUC_RETURN_IF_ERROR(c.Return(Labelled(l, c, c.ArgMax(scores, 1), labels)));
  return c.Return(PostTransform(l, c, scores), 1);
}

absl::Status ReturnBinary(const Lowering& l, Compose& c, Symbol* decides, double threshold, const Ints& labels) {
  if (!decides) return c.status();
  Symbol* second = c.Compare(CompareFn::less, c.Scalar(threshold, decides), decides);
  Symbol* place = c.Cast(c.Reshape(second, {decides->shape()[0]}), ElementType::i64);
  return c.Return(Labelled(l, c, place, labels));
}

Symbol* BothScores(const Lowering& l, Compose& c, Symbol* score, OtherScore other) {
  const std::string transform = l.String("post_transform", "NONE");
  if (transform == "PROBIT") {
    c.Fail(Unsupported("post_transform = \"PROBIT\" of one score for two classes"));
    return nullptr;
  }
  if (other == OtherScore::complement) return c.Concat({c.Sub(c.Scalar(1, score), score), score}, 1);
  Symbol* negative = c.Unary(UnaryFn::neg, score);
  if (transform == "LOGISTIC") {
    return c.Concat({c.Unary(UnaryFn::sigmoid, negative), c.Unary(UnaryFn::sigmoid, score)}, 1);
  }
  return c.Concat({negative, score}, 1);
}

namespace {

// x times rows of weights of the attribute, plus the intercepts.
absl::StatusOr<Symbol*> LinearScores(Lowering& l, Compose& c, int64_t rows) {
  MCUC_ASSIGN_OR_RETURN(Symbol * x, FeaturesOf(l));
  const Floats weights = l.FloatList("coefficients"), intercepts = l.FloatList("intercepts");
  const int64_t features = x->shape()[1];
  if (rows < 1 || rows > kMaxElements / features || static_cast<int64_t>(weights.size()) != rows * features ||
      (!intercepts.empty() && static_cast<int64_t>(intercepts.size()) != rows)) {
    return Unsupported("coefficients has ", weights.size(), " and intercepts ", intercepts.size(), " entries for ",
                       rows, " rows of ", features, " features");
  }
  Symbol* y = c.Linear(x, Tensor::Of(Type{ElementType::f32, {rows, features}}, weights));
  if (!intercepts.empty()) y = c.Add(y, c.Floats({intercepts.begin(), intercepts.end()}, {rows}));
  if (!y) return c.status();
  return y;
}

absl::Status LowerLinearRegressor(Lowering& l) {
  Compose c(l);
  MCUC_ASSIGN_OR_RETURN(Symbol * y, LinearScores(l, c, l.Int("targets", 1)));
  return c.Return(PostTransform(l, c, y));
}

absl::Status LowerLinearClassifier(Lowering& l) {
  Compose c(l);
  MCUC_ASSIGN_OR_RETURN(const Ints labels, LabelsOf(l, "classlabels_ints"));
  const int64_t features = std::max<int64_t>(l.shape(0).empty() ? 1 : l.shape(0).back(), 1);
  const auto rows = static_cast<int64_t>(l.FloatList("coefficients").size()) / features;
  MCUC_ASSIGN_OR_RETURN(Symbol * scores, LinearScores(l, c, rows));
  if (rows == 1 && labels.size() == 2) {
    MCUC_RETURN_IF_ERROR(ReturnBinary(l, c, scores, 0, labels));
    return c.Return(BothScores(l, c, scores, OtherScore::negated), 1);
  }
  return ReturnClasses(l, c, scores, labels);
}

// The kernel's value for each row of x and each support vector.
absl::StatusOr<Symbol*> KernelValues(Lowering& l, Compose& c, Symbol* x, const Floats& vectors, int64_t n) {
  const int64_t features = x->shape()[1];
  if (n < 1 || n > kMaxElements / features || static_cast<int64_t>(vectors.size()) != n * features) {
    return Unsupported("support_vectors has ", vectors.size(), " entries for ", n, " vectors of ", features);
  }
  Tensor rows = Tensor::Of(Type{ElementType::f32, {n, features}}, vectors);
  Floats params = l.FloatList("kernel_params");
  params.resize(3, 0);
  const double gamma = params[0], coef0 = params[1], degree = params[2];
  const std::string kernel = l.String("kernel_type", "LINEAR");
  if (kernel == "RBF") {
    MCUC_ASSIGN_OR_RETURN(Symbol * distance, l.Add(DistanceAttrs{}, {x, l.Constant(std::move(rows))}));
    Symbol* y = c.Unary(UnaryFn::exp, c.Mul(distance, c.Scalar(-gamma, x)));
    if (!y) return c.status();
    return y;
  }
  Symbol* dot = c.Linear(x, std::move(rows));
  if (kernel == "POLY" || kernel == "SIGMOID") {
    dot = c.Add(c.Mul(dot, c.Scalar(gamma, dot)), c.Scalar(coef0, dot));
    dot = kernel == "POLY" ? c.Binary(BinaryFn::pow, dot, c.Scalar(degree, dot)) : c.Unary(UnaryFn::tanh, dot);
  } else if (kernel != "LINEAR") {
    return Unsupported("kernel_type = \"", kernel, "\"; supported: LINEAR, POLY, RBF, SIGMOID");
  }
  if (!dot) return c.status();
  return dot;
}

absl::Status LowerSvmRegressor(Lowering& l) {
  MCUC_ASSIGN_OR_RETURN(Symbol * x, FeaturesOf(l));
  const Floats coefficients = l.FloatList("coefficients"), rho = l.FloatList("rho");
  const int64_t n = l.Int("n_supports", 0);
  if (rho.size() != 1) return Unsupported("rho has ", rho.size(), " entries; it must have 1");
  Compose c(l);
  Symbol* values = x;
  if (n > 0) {
    MCUC_ASSIGN_OR_RETURN(values, KernelValues(l, c, x, l.FloatList("support_vectors"), n));
  }
  if (static_cast<int64_t>(coefficients.size()) != values->shape()[1]) {
    return Unsupported("coefficients has ", coefficients.size(), " entries; it must have ", values->shape()[1]);
  }
  Symbol* y = c.Linear(values, Tensor::Of(Type{ElementType::f32, {1, values->shape()[1]}}, coefficients));
  y = c.Add(y, c.Scalar(static_cast<double>(rho[0]), x));
  if (l.Int("one_class", 0) != 0) {  // 1 or -1
    y = c.Select(c.Compare(CompareFn::less, c.Scalar(0, x), y), c.Scalar(1, x), c.Scalar(-1, x));
  }
  return c.Return(PostTransform(l, c, y));
}

// Which pair of classes, (0, 1), (0, 2), …, each of a support vector classifier's decisions is about.
std::vector<std::pair<int64_t, int64_t>> PairsOf(int64_t classes) {
  std::vector<std::pair<int64_t, int64_t>> pairs;
  for (int64_t i = 0; i < classes; ++i) {
    for (int64_t j = i + 1; j < classes; ++j) pairs.emplace_back(i, j);
  }
  return pairs;
}

// A decision a pair of classes (i, j), over 0 for i: the support vectors of i with row j - 1 of the coefficients, those
// of j with row i.
absl::StatusOr<Symbol*> Decisions(Lowering& l, Compose& c, Symbol* x, int64_t classes) {
  const Ints counts = l.IntList("vectors_per_class");
  const Floats coefficients = l.FloatList("coefficients"), rho = l.FloatList("rho");
  const auto pairs = PairsOf(classes);
  const auto decisions = static_cast<int64_t>(pairs.size());
  std::vector<int64_t> starts = {0};
  for (int64_t count : counts) {
    if (count < 0 || count > kMaxElements) return Unsupported("vectors_per_class holds ", count);
    starts.push_back(std::min(starts.back() + count, kMaxElements));
  }
  const int64_t vectors = starts.back();
  if (static_cast<int64_t>(counts.size()) != classes || vectors > kMaxElements / decisions ||
      static_cast<int64_t>(coefficients.size()) != (classes - 1) * vectors ||
      static_cast<int64_t>(rho.size()) != decisions) {
    return Unsupported("vectors_per_class has ", counts.size(), ", coefficients ", coefficients.size(), " and rho ",
                       rho.size(), " entries for ", classes, " classes and ", vectors, " support vectors");
  }
  MCUC_ASSIGN_OR_RETURN(Symbol * values, KernelValues(l, c, x, l.FloatList("support_vectors"), vectors));
  const Type type{ElementType::f32, {decisions, vectors}};
  MCUC_RETURN_IF_ERROR(l.Reserve(type));
  Floats weights(static_cast<size_t>(decisions * vectors));
  for (size_t p = 0; p < pairs.size(); ++p) {
    const auto [i, j] = pairs[p];
    const auto take = [&](int64_t of, int64_t row) {
      for (int64_t v = starts[static_cast<size_t>(of)]; v < starts[static_cast<size_t>(of) + 1]; ++v) {
        weights[p * static_cast<size_t>(vectors) + static_cast<size_t>(v)] =
            coefficients[static_cast<size_t>(row * vectors + v)];
      }
    };
    take(i, j - 1);
    take(j, i);
  }
  Symbol* y = c.Add(c.Linear(values, Tensor::Of(type, weights)), c.Floats({rho.begin(), rho.end()}, {decisions}));
  if (!y) return c.status();
  return y;
}

// How many decisions each class wins.
Symbol* Votes(Compose& c, Symbol* decisions, int64_t classes) {
  const auto pairs = PairsOf(classes);
  const auto n = static_cast<int64_t>(pairs.size());
  Floats weights(static_cast<size_t>(classes * n));
  std::vector<double> lost(static_cast<size_t>(classes));  // a class's votes where the first of each pair wins none
  for (size_t p = 0; p < pairs.size(); ++p) {
    const auto first = static_cast<size_t>(pairs[p].first), second = static_cast<size_t>(pairs[p].second);
    weights[first * pairs.size() + p] = 1;
    weights[second * pairs.size() + p] = -1;
    lost[second] += 1;
  }
  Symbol* won = c.Cast(c.Compare(CompareFn::less, c.Scalar(0, decisions), decisions), ElementType::f32);
  return c.Add(c.Linear(won, Tensor::Of(Type{ElementType::f32, {classes, n}}, weights)), c.Floats(lost, {classes}));
}

// Platt's probabilities of the pairs, coupled.
absl::StatusOr<Symbol*> Probabilities(Lowering& l, Compose& c, Symbol* decisions, int64_t classes) {
  const Floats a = l.FloatList("prob_a"), b = l.FloatList("prob_b");
  const int64_t n = decisions->shape()[1];
  if (static_cast<int64_t>(a.size()) != n || static_cast<int64_t>(b.size()) != n) {
    return Unsupported("prob_a has ", a.size(), " and prob_b ", b.size(), " entries; they must have ", n);
  }
  Symbol* t = c.Add(c.Mul(decisions, c.Floats({a.begin(), a.end()}, {n})), c.Floats({b.begin(), b.end()}, {n}));
  Symbol* pairs = c.Unary(UnaryFn::sigmoid, c.Unary(UnaryFn::neg, t));
  pairs = c.Unary(UnaryFn::clip, pairs, 1e-7F, 1 - 1e-7F);
  if (!pairs) return c.status();
  return l.Add(CoupleAttrs{classes}, {pairs});
}

absl::Status LowerSvmClassifier(Lowering& l) {
  MCUC_ASSIGN_OR_RETURN(Symbol * x, FeaturesOf(l));
  MCUC_ASSIGN_OR_RETURN(const Ints labels, LabelsOf(l, "classlabels_ints"));
  const auto classes = static_cast<int64_t>(labels.size());
  if (classes < 2 || classes > 256) return Unsupported("there are ", classes, " classes; supported: 2 to 256");
  Compose c(l);
  if (l.IntList("vectors_per_class").empty()) {  // a linear function a class
    const Floats coefficients = l.FloatList("coefficients"), rho = l.FloatList("rho");
    const int64_t features = x->shape()[1];
    if (static_cast<int64_t>(coefficients.size()) / classes != features ||
        static_cast<int64_t>(coefficients.size()) % classes != 0 || rho.empty()) {
      return Unsupported("coefficients has ", coefficients.size(), " and rho ", rho.size(), " entries for ", classes,
                         " classes of ", features, " features");
    }
    Symbol* y = c.Linear(x, Tensor::Of(Type{ElementType::f32, {classes, features}}, coefficients));
    return ReturnClasses(l, c, c.Add(y, c.Scalar(static_cast<double>(rho[0]), x)), labels);
  }
  MCUC_ASSIGN_OR_RETURN(Symbol * decisions, Decisions(l, c, x, classes));
  Symbol* votes = Votes(c, decisions, classes);
  MCUC_RETURN_IF_ERROR(c.Return(Labelled(l, c, c.ArgMax(votes, 1), labels)));
  if (l.Has("prob_a") && !l.FloatList("prob_a").empty()) {
    MCUC_ASSIGN_OR_RETURN(Symbol * scores, Probabilities(l, c, decisions, classes));
    return c.Return(PostTransform(l, c, scores), 1);
  }
  if (classes == 2) {
    const bool plain = l.String("post_transform", "NONE") == "NONE";
    return c.Return(BothScores(l, c, decisions, plain ? OtherScore::negated : OtherScore::complement), 1);
  }
  return c.Return(PostTransform(l, c, decisions), 1);
}

// A list of one value or one a feature, to broadcast against the features.
Symbol* PerFeature(Compose& c, const Floats& values, double otherwise) {
  if (values.empty()) return c.Floats({otherwise}, {1});
  return c.Floats({values.begin(), values.end()}, {static_cast<int64_t>(values.size())});
}

absl::Status LowerScaler(Lowering& l) {
  MCUC_RETURN_IF_ERROR(l.CheckNotEmpty());
  Compose c(l);
  Symbol* x = c.Cast(l.input(0), ElementType::f32);
  x = c.Sub(x, PerFeature(c, l.FloatList("offset"), 0));
  return c.Return(c.Mul(x, PerFeature(c, l.FloatList("scale"), 1)));
}

// Rows divided by their norm, where it is not 0.
absl::Status LowerNormalizer(Lowering& l) {
  MCUC_ASSIGN_OR_RETURN(Symbol * x, FeaturesOf(l));
  const std::string kind = l.String("norm", "MAX");
  if (kind != "MAX" && kind != "L1" && kind != "L2")
    return Unsupported("norm = \"", kind, "\"; supported: MAX, L1, L2");
  Compose c(l);
  Symbol* norm = kind == "MAX"  ? c.Reduce(ReduceFn::max, x, {1})
                 : kind == "L1" ? c.Reduce(ReduceFn::sum, c.Unary(UnaryFn::abs, x), {1})
                                : c.Unary(UnaryFn::sqrt, c.Reduce(ReduceFn::sum, c.Mul(x, x), {1}));
  Symbol* zero = c.Compare(CompareFn::equal, norm, c.Scalar(0, x));
  return c.Return(c.Reshape(c.Div(x, c.Select(zero, c.Scalar(1, x), norm)), l.shape(0)));
}

absl::Status LowerBinarizer(Lowering& l) {
  MCUC_RETURN_IF_ERROR(l.CheckNotEmpty());
  Compose c(l);
  Symbol* x = l.input(0);
  Symbol* above = c.Compare(CompareFn::less, c.Scalar(static_cast<double>(l.Float("threshold", 0)), x), x);
  return c.Return(c.Cast(above, x->type.element));
}

absl::Status LowerImputer(Lowering& l) {
  MCUC_RETURN_IF_ERROR(l.CheckNotEmpty());
  Compose c(l);
  Symbol* x = l.input(0);
  if (IsFloat(x->type.element)) {
    const Floats imputed = l.FloatList("imputed_value_floats");
    const float replaced = l.Float("replaced_value_float", 0);
    if (imputed.empty()) return Unsupported("imputed_value_floats is missing");
    Symbol* missing = std::isnan(replaced) ? c.Compare(CompareFn::not_equal, x, x)
                                           : c.Compare(CompareFn::equal, x, c.Scalar(static_cast<double>(replaced), x));
    return c.Return(c.Select(missing, c.Cast(PerFeature(c, imputed, 0), x->type.element), x));
  }
  const Ints imputed = l.IntList("imputed_value_int64s");
  if (imputed.empty() || x->type.element != ElementType::i64) return Unsupported("imputed_value_int64s is missing");
  Symbol* replaced = c.Integers({l.Int("replaced_value_int64", 0)}, {});
  Symbol* values = c.Integers(imputed, {static_cast<int64_t>(imputed.size())});
  return c.Return(c.Select(c.Compare(CompareFn::equal, x, replaced), values, x));
}

// A list of the LabelEncoder's keys or values. Strings are distinct, and `places` says which one each entry is.
struct LabelList {
  ElementType element = ElementType::i64;
  std::vector<double> reals;  // of f32
  Ints places;                // of i64: the integers, or those that stand for strings
  std::vector<std::string> strings;

  size_t size() const { return element == ElementType::f32 ? reals.size() : places.size(); }
  int64_t PlaceOf(const std::string& string) {
    const auto found = std::find(strings.begin(), strings.end(), string);
    if (found != strings.end()) return found - strings.begin();
    strings.push_back(string);
    return static_cast<int64_t>(strings.size()) - 1;
  }
};

absl::StatusOr<LabelList> LabelListOf(const Lowering& l, const std::string& prefix) {
  LabelList list;
  list.places = l.IntList((prefix + "_int64s").c_str());
  const Floats floats = l.FloatList((prefix + "_floats").c_str());
  list.reals.assign(floats.begin(), floats.end());
  const std::vector<std::string> strings = l.StringList((prefix + "_strings").c_str());
  if (!list.places.empty() + !floats.empty() + !strings.empty() != 1) {
    return Unsupported("there must be one of ", prefix, "_int64s, ", prefix, "_floats and ", prefix, "_strings");
  }
  if (!floats.empty()) list.element = ElementType::f32;
  for (const std::string& string : strings) list.places.push_back(list.PlaceOf(string));
  return list;
}

// Keys and values; classes_strings of opset 1 are keys of strings and values 0, 1, … or the other way round.
absl::Status ReadEncoder(const Lowering& l, LabelList& keys, LabelList& values) {
  const std::vector<std::string> classes = l.StringList("classes_strings");
  if (classes.empty()) {
    MCUC_ASSIGN_OR_RETURN(keys, LabelListOf(l, "keys"));
    MCUC_ASSIGN_OR_RETURN(values, LabelListOf(l, "values"));
  } else {
    LabelList& names = l.input(0)->strings.empty() ? values : keys;
    for (const std::string& string : classes) names.places.push_back(names.PlaceOf(string));
    LabelList& numbers = l.input(0)->strings.empty() ? keys : values;
    numbers.places.resize(classes.size());
    std::iota(numbers.places.begin(), numbers.places.end(), 0);
  }
  if (keys.size() != values.size())
    return Unsupported("there are ", keys.size(), " keys for ", values.size(), " values");
  if (l.input(0)->strings.empty() != keys.strings.empty() ||
      (keys.strings.empty() && keys.element != l.input(0)->type.element)) {
    return Unsupported("the keys must be of the input's type");
  }
  return absl::OkStatus();
}

// Some entries of a list as a constant.
Symbol* Entries(Compose& c, const LabelList& list, const std::vector<size_t>& which, Shape shape) {
  Ints places;
  std::vector<double> reals;
  for (size_t i : which) {
    if (list.element == ElementType::f32) {
      reals.push_back(list.reals[i]);
    } else {
      places.push_back(list.places[i]);
    }
  }
  return list.element == ElementType::f32 ? c.Floats(reals, std::move(shape)) : c.Integers(places, std::move(shape));
}

// Of strings, which are known: a table.
Symbol* EncodedStrings(Compose& c, Symbol* x, const LabelList& keys, const LabelList& values) {
  std::vector<size_t> which;
  for (const std::string& string : x->strings) {
    const auto place = std::find(keys.strings.begin(), keys.strings.end(), string) - keys.strings.begin();
    // No key: behind the last value there is the default.
    which.push_back(
        static_cast<size_t>(std::find(keys.places.begin(), keys.places.end(), place) - keys.places.begin()));
  }
  return c.Gather(Entries(c, values, which, {static_cast<int64_t>(which.size())}), x, 0);
}

// Of numbers: a sum over all keys, of which at most one holds. A NaN is a key too.
Symbol* EncodedNumbers(Compose& c, Symbol* x, const LabelList& keys, const LabelList& values) {
  std::vector<size_t> distinct;
  size_t missing = keys.size();  // the key that is NaN
  std::set<std::pair<double, int64_t>> seen;
  for (size_t i = 0; i < keys.size(); ++i) {
    if (keys.element == ElementType::f32 && std::isnan(keys.reals[i])) {
      missing = std::min(missing, i);
    } else if (const bool real = keys.element == ElementType::f32;
               seen.emplace(real ? keys.reals[i] : 0, real ? 0 : keys.places[i]).second) {
      distinct.push_back(i);
    }
  }
  const auto n = static_cast<int64_t>(distinct.size());
  Symbol* y = Entries(c, values, {keys.size()}, {});
  if (n > 0) {
    Shape shape = x->shape();
    shape.push_back(1);
    Symbol* equal = c.Compare(CompareFn::equal, c.Reshape(x, shape), Entries(c, keys, distinct, {n}));
    Symbol* chosen = Entries(c, values, distinct, {n});
    Symbol* sum = c.Reduce(ReduceFn::sum, c.Select(equal, chosen, c.Scalar(0, chosen)), {x->rank()}, false);
    Symbol* found = c.Reduce(ReduceFn::max, c.Cast(equal, ElementType::i32), {x->rank()}, false);
    y = c.Select(c.Cast(found, ElementType::b8), sum, y);
  }
  if (missing < keys.size() || n == 0) {
    y = c.Select(c.Compare(CompareFn::not_equal, x, x), Entries(c, values, {missing}, {}), y);
  }
  return y;
}

absl::Status LowerLabelEncoder(Lowering& l) {
  MCUC_RETURN_IF_ERROR(l.CheckNotEmpty());
  LabelList keys, values;
  MCUC_RETURN_IF_ERROR(ReadEncoder(l, keys, values));
  const bool to_strings = !values.strings.empty();
  // The default comes last.
  values.reals.push_back(static_cast<double>(l.Float("default_float", 0)));
  values.places.push_back(to_strings ? values.PlaceOf(l.String("default_string", "_Unused"))
                                     : l.Int("default_int64", -1));
  Compose c(l);
  Symbol* x = l.input(0);
  Symbol* y = x->strings.empty() ? EncodedNumbers(c, x, keys, values) : EncodedStrings(c, x, keys, values);
  if (y) y->strings = values.strings;
  return c.Return(y);
}

absl::Status LowerArrayFeatureExtractor(Lowering& l) {
  MCUC_RETURN_IF_ERROR(l.CheckNotEmpty());
  MCUC_RETURN_IF_ERROR(l.CheckRank(0, 1, 32));
  Compose c(l);
  Symbol* indices = c.Reshape(l.input(1), {Elements(l.shape(1))});
  Symbol* x = l.input(0)->rank() == 1 ? c.Reshape(l.input(0), {1, l.shape(0)[0]}) : l.input(0);
  return c.Return(x ? c.Gather(x, indices, x->rank() - 1) : nullptr);
}

absl::Status LowerFeatureVectorizer(Lowering& l) {
  MCUC_RETURN_IF_ERROR(l.CheckNotEmpty());
  Compose c(l);
  std::vector<Symbol*> parts;
  for (size_t i = 0; i < l.inputs(); ++i) {
    const Shape& shape = l.shape(i);
    const int64_t rows = shape.size() < 2 ? 1 : shape[0];
    parts.push_back(c.Cast(c.Reshape(l.input(i), {rows, Elements(shape) / rows}), ElementType::f32));
  }
  return c.Return(c.Concat(parts, 1));
}

absl::Status LowerZipMap(Lowering& l) {
  l.Remark("ZipMap is dropped: the output is the tensor of scores, in the order of the class labels");
  return l.Return(l.input(0));
}

const Operator kOperators[] = {
    {"ai.onnx.ml.LinearRegressor", 1, kMaxOpset, 1, 1, 1, "coefficients:F intercepts:F post_transform:s targets:i",
     LowerLinearRegressor},
    {"ai.onnx.ml.LinearClassifier", 1, kMaxOpset, 1, 1, 2,
     "classlabels_ints:I classlabels_strings:S coefficients:F intercepts:F multi_class:i post_transform:s",
     LowerLinearClassifier},
    {"ai.onnx.ml.SVMRegressor", 1, kMaxOpset, 1, 1, 1,
     "coefficients:F kernel_params:F kernel_type:s n_supports:i one_class:i post_transform:s rho:F support_vectors:F",
     LowerSvmRegressor},
    {"ai.onnx.ml.SVMClassifier", 1, kMaxOpset, 1, 1, 2,
     "classlabels_ints:I classlabels_strings:S coefficients:F kernel_params:F kernel_type:s post_transform:s prob_a:F "
     "prob_b:F rho:F support_vectors:F vectors_per_class:I",
     LowerSvmClassifier},
    {"ai.onnx.ml.Scaler", 1, kMaxOpset, 1, 1, 1, "offset:F scale:F", LowerScaler},
    {"ai.onnx.ml.Normalizer", 1, kMaxOpset, 1, 1, 1, "norm:s", LowerNormalizer},
    {"ai.onnx.ml.Binarizer", 1, kMaxOpset, 1, 1, 1, "threshold:f", LowerBinarizer},
    {"ai.onnx.ml.Imputer", 1, kMaxOpset, 1, 1, 1,
     "imputed_value_floats:F imputed_value_int64s:I replaced_value_float:f replaced_value_int64:i", LowerImputer},
    {"ai.onnx.ml.LabelEncoder", 1, kMaxOpset, 1, 1, 1,
     "classes_strings:S default_float:f default_int64:i default_string:s keys_floats:F keys_int64s:I keys_strings:S "
     "values_floats:F values_int64s:I values_strings:S",
     LowerLabelEncoder},
    {"ai.onnx.ml.ArrayFeatureExtractor", 1, kMaxOpset, 2, 2, 1, "", LowerArrayFeatureExtractor},
    {"ai.onnx.ml.FeatureVectorizer", 1, kMaxOpset, 1, kAny, 1, "inputdimensions:I", LowerFeatureVectorizer},
    {"ai.onnx.ml.ZipMap", 1, kMaxOpset, 1, 1, 1, "classlabels_int64s:I classlabels_strings:S", LowerZipMap},
};

}  // namespace

std::span<const Operator> ClassicalOperators() { return kOperators; }

}  // namespace mcuc::importer
