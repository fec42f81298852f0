// Linear models, support vector regression and preprocessing of ai.onnx.ml.
#include <algorithm>
#include <cmath>
#include <numeric>

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

absl::StatusOr<Ints> LabelsOf(Lowering& l, const char* ints, const char* strings) {
  Ints labels = l.IntList(ints);
  const std::vector<std::string> names = l.StringList(strings);
  if (!names.empty()) {
    if (!labels.empty()) return Unsupported(ints, " and ", strings, " exclude each other");
    l.Remark("the labels are strings: the output is a label's place in the list");
    labels.resize(names.size());
    std::iota(labels.begin(), labels.end(), 0);
  }
  if (labels.empty()) return Unsupported(ints, " is missing");
  return labels;
}

Symbol* PostTransform(const Lowering& l, Compose& c, Symbol* scores) {
  const std::string transform = l.String("post_transform", "NONE");
  if (!scores || transform == "NONE") return scores;
  if (transform == "LOGISTIC") return c.Unary(UnaryFn::sigmoid, scores);
  if (transform == "SOFTMAX") return c.Softmax(scores, 1);
  c.Fail(Unsupported("post_transform = \"", transform, "\"; supported: NONE, LOGISTIC, SOFTMAX"));
  return nullptr;
}

namespace {

// labels[places], one a row; places themselves where they are the labels.
Symbol* Labelled(Compose& c, Symbol* places, const Ints& labels) {
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
  MCUC_RETURN_IF_ERROR(c.Return(Labelled(c, c.ArgMax(scores, 1), labels)));
  return c.Return(PostTransform(l, c, scores), 1);
}

absl::Status ReturnBinary(const Lowering& l, Compose& c, Symbol* score, const Ints& labels, bool probability) {
  if (!score) return c.status();
  Symbol* second = c.Compare(CompareFn::less, c.Scalar(probability ? 0.5 : 0, score), score);
  Symbol* place = c.Cast(c.Reshape(second, {score->shape()[0]}), ElementType::i64);
  MCUC_RETURN_IF_ERROR(c.Return(Labelled(c, place, labels)));
  const std::string transform = l.String("post_transform", "NONE");
  Symbol* first = nullptr;
  if (probability) {
    if (transform != "NONE") {
      return Unsupported("post_transform = \"", transform, "\" of one probability; supported: NONE");
    }
    first = c.Sub(c.Scalar(1, score), score);
  } else {
    if (transform != "NONE" && transform != "LOGISTIC") {
      return Unsupported("post_transform = \"", transform, "\" of one score; supported: NONE, LOGISTIC");
    }
    first = c.Unary(UnaryFn::neg, score);
    if (transform == "LOGISTIC") {
      first = c.Unary(UnaryFn::sigmoid, first);
      score = c.Unary(UnaryFn::sigmoid, score);
    }
  }
  return c.Return(c.Concat({first, score}, 1), 1);
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
  MCUC_ASSIGN_OR_RETURN(const Ints labels, LabelsOf(l, "classlabels_ints", "classlabels_strings"));
  const int64_t features = std::max<int64_t>(l.shape(0).empty() ? 1 : l.shape(0).back(), 1);
  const auto rows = static_cast<int64_t>(l.FloatList("coefficients").size()) / features;
  MCUC_ASSIGN_OR_RETURN(Symbol * scores, LinearScores(l, c, rows));
  if (rows == 1 && labels.size() == 2) return ReturnBinary(l, c, scores, labels, false);
  return ReturnClasses(l, c, scores, labels);
}

// The kernel's value for each row of x and each support vector.
absl::StatusOr<Symbol*> KernelValues(const Lowering& l, Compose& c, Symbol* x, const Floats& vectors, int64_t n) {
  const int64_t features = x->shape()[1];
  if (n < 1 || n > kMaxElements / features || static_cast<int64_t>(vectors.size()) != n * features) {
    return Unsupported("support_vectors has ", vectors.size(), " entries for ", n, " vectors of ", features);
  }
  Floats params = l.FloatList("kernel_params");
  params.resize(3, 0);
  const double gamma = params[0], coef0 = params[1], degree = params[2];
  const std::string kernel = l.String("kernel_type", "LINEAR");
  Symbol* dot = c.Linear(x, Tensor::Of(Type{ElementType::f32, {n, features}}, vectors));
  if (!dot) return c.status();
  if (kernel == "RBF") {  // exp(-gamma * (x x - 2 x v + v v))
    std::vector<double> squares(static_cast<size_t>(n));
    for (size_t i = 0; i < vectors.size(); ++i) {
      squares[i / static_cast<size_t>(features)] += static_cast<double>(vectors[i]) * static_cast<double>(vectors[i]);
    }
    Symbol* own = c.Reduce(ReduceFn::sum, c.Mul(x, x), {1});
    Symbol* distance = c.Add(c.Sub(own, c.Mul(dot, c.Scalar(2, dot))), c.Floats(squares, {n}));
    dot = c.Unary(UnaryFn::exp, c.Mul(distance, c.Scalar(-gamma, dot)));
  } else if (kernel == "POLY" || kernel == "SIGMOID") {
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

// The value of the key that each element equals: a sum over all keys, of which at most one holds.
absl::Status LowerLabelEncoder(Lowering& l) {
  MCUC_RETURN_IF_ERROR(l.CheckNotEmpty());
  if (l.Has("keys_strings") || l.Has("values_strings") || l.Has("classes_strings")) {
    return Unsupported("strings are not supported; supported: keys and values of int64 and float");
  }
  Compose c(l);
  const auto list = [&](const char* ints, const char* floats) -> Symbol* {
    const Ints whole = l.IntList(ints);
    if (!whole.empty()) return c.Integers(whole, {static_cast<int64_t>(whole.size())});
    const Floats reals = l.FloatList(floats);
    if (reals.empty()) return nullptr;
    return c.Floats({reals.begin(), reals.end()}, {static_cast<int64_t>(reals.size())});
  };
  Symbol *keys = list("keys_int64s", "keys_floats"), *values = list("values_int64s", "values_floats");
  if (!keys || !values || keys->shape() != values->shape()) return Unsupported("keys and values must be as many");
  if (keys->type.element != l.input(0)->type.element) return Unsupported("the keys must be of the input's type");
  const bool whole = values->type.element == ElementType::i64;
  Symbol* otherwise = whole ? c.Integers({l.Int("default_int64", -1)}, {})
                            : c.Scalar(static_cast<double>(l.Float("default_float", 0)), values);
  Shape shape = l.shape(0);
  const int64_t rank = l.input(0)->rank();
  shape.push_back(1);
  Symbol* equal = c.Compare(CompareFn::equal, c.Reshape(l.input(0), shape), keys);
  Symbol* zero = c.Scalar(0, values);
  Symbol* sum = c.Reduce(ReduceFn::sum, c.Select(equal, values, zero), {rank}, false);
  Symbol* found = c.Reduce(ReduceFn::max, c.Cast(equal, ElementType::i32), {rank}, false);
  return c.Return(c.Select(c.Cast(found, ElementType::b8), sum, otherwise));
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
