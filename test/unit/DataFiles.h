// Writes data sets in every format for the tests, and reads samples back.
#ifndef MCUC_TEST_UNIT_DATAFILES_H
#define MCUC_TEST_UNIT_DATAFILES_H

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <png.h>
#include <zip.h>
#include <zlib.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "mcuc/Data/Dataset.h"

namespace mcuc {

namespace fs = std::filesystem;

inline std::string Little(uint64_t value, size_t bytes) {
  std::string text;
  for (size_t i = 0; i < bytes; ++i) text += static_cast<char>(value >> (8 * i) & 255);
  return text;
}

inline std::string Big32(uint32_t value) {
  std::string text = Little(value, 4);
  return {text.rbegin(), text.rend()};
}

template <typename T>
inline std::string Raw(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

inline std::string Npy(const std::string& descr, const std::string& shape, const std::string& data,
                       bool fortran = false, int version = 1) {
  std::string header =
      "{'descr': '" + descr + "', 'fortran_order': " + (fortran ? "True" : "False") + ", 'shape': " + shape + ", }";
  header += std::string(15 - header.size() % 16, ' ') + "\n";
  return "\x93NUMPY" + Little(static_cast<uint64_t>(version), 1) + Little(0, 1) +
         Little(header.size(), version == 1 ? 2 : 4) + header + data;
}

inline std::string Idx(int code, const std::vector<uint32_t>& shape, const std::string& data) {
  std::string text = std::string(2, '\0') + static_cast<char>(code) + static_cast<char>(shape.size());
  for (uint32_t dim : shape) text += Big32(dim);
  return text + data;
}

// A TensorProto: dims = 1, data_type = 2, raw_data = 9. Every number here is below 128, a varint of one byte.
inline std::string Proto(const Shape& shape, int type, const std::string& data) {
  std::string text;
  for (int64_t dim : shape) text += std::string("\x08") + static_cast<char>(dim);
  return text + "\x10" + static_cast<char>(type) + "\x4a" + static_cast<char>(data.size()) + data;
}

// One float input of this shape, one output of `classes` floats.
inline std::unique_ptr<Graph> Model(const Shape& shape, int64_t classes = 10, Type output = {}) {
  auto graph = std::make_unique<Graph>("m");
  Value* x = graph->AddInput("image", Type{ElementType::f32, shape});
  output.shape = {1, classes};
  graph->AddOutput(graph->AddNode(IdentityAttrs{}, {x}, "scores", output)->result());
  return graph;
}

inline std::vector<float> FloatsOf(const Tensor& tensor) {
  const auto data = tensor.data<float>();
  return {data.begin(), data.end()};
}

class DatasetTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(testing::TempDir()) /
              ("mcuc_" + std::string(testing::UnitTest::GetInstance()->current_test_info()->name()));
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string At(const std::string& name) const { return (folder_ / name).string(); }
  std::string Write(const std::string& name, const std::string& bytes) const {
    fs::create_directories(fs::path(At(name)).parent_path());
    std::ofstream(At(name), std::ios::binary) << bytes;
    return At(name);
  }
  std::string WriteGz(const std::string& name, const std::string& bytes) const {
    gzFile file = gzopen(At(name).c_str(), "wb");
    gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size()));
    gzclose(file);
    return At(name);
  }
  std::string WriteNpz(const std::string& name, const std::vector<std::pair<std::string, std::string>>& arrays) const {
    zip_t* zip = zip_open(At(name).c_str(), ZIP_CREATE | ZIP_TRUNCATE, nullptr);
    for (const auto& [entry, bytes] : arrays) {
      zip_file_add(zip, entry.c_str(), zip_source_buffer(zip, bytes.data(), bytes.size(), 0), 0);
    }
    zip_close(zip);
    return At(name);
  }
  std::string WritePng(const std::string& name, uint32_t width, uint32_t height, uint32_t format,
                       const std::vector<uint8_t>& pixels) const {
    png_image image = {};
    image.version = PNG_IMAGE_VERSION;
    image.width = width;
    image.height = height;
    image.format = format;
    EXPECT_TRUE(png_image_write_to_file(&image, At(name).c_str(), 0, pixels.data(), 0, nullptr));
    return At(name);
  }

  fs::path folder_;
};

inline std::string ErrorOf(const std::string& spec, const Graph& graph) {
  const absl::StatusOr<Dataset> data = Dataset::Load(spec, graph);
  return data.ok() ? "no error" : std::string(data.status().message());
}

// Sample i of the only input as floats.
inline std::vector<float> SampleOf(const std::string& spec, const Graph& graph, int64_t i) {
  const absl::StatusOr<Dataset> data = Dataset::Load(spec, graph);
  if (!data.ok()) {
    ADD_FAILURE() << data.status();
    return {};
  }
  EXPECT_LT(i, data->size());
  const std::vector<Tensor> sample = data->Sample(i, graph);
  EXPECT_EQ(sample.size(), 1u);
  EXPECT_EQ(sample[0].type(), graph.inputs()[0]->type());
  return FloatsOf(sample[0]);
}

}  // namespace mcuc

#endif  // MCUC_TEST_UNIT_DATAFILES_H
