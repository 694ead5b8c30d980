// Checks of what the header declares, and the two directions.
#include "tools/tensors/Safetensors.h"
#include "support/AtomicFile.h"
#include "tools/tensors/SafetensorsHeader.h"

#include <algorithm>
#include <cstring>
#include <optional>

using namespace jvpgen;

/// The format's own bound on headers.
static constexpr uint64_t kMaximalHeader = 100'000'000;

static std::optional<DType> typeNamed(std::string_view name) {
  if (name == "F32") return DType::F32;
  if (name == "BF16") return DType::BF16;
  if (name == "F16") return DType::F16;
  if (name == "I32") return DType::I32;
  if (name == "I8" || name == "BOOL") return DType::I8;
  return std::nullopt;
}

static std::string_view fileName(DType t) {
  constexpr std::string_view names[] = {"F32", "BF16", "F16", "I32", "I8", "F64"};
  return names[static_cast<size_t>(t)];
}

static tl::unexpected<Error> refuse(std::string_view file, const std::string &why) {
  return fail(ErrorKind::Invalid, "'" + std::string(file) + "' is not a sound safetensors file: " + why);
}

/// Bytes of a tensor, or nothing if the product overflows, extents of 0 left aside.
static std::optional<uint64_t> sizeInBytes(const TensorEntry &entry, DType type) {
  int64_t bytes = int64_t(byteSize(type));
  bool empty = false;
  for (uint64_t extent : entry.shape) {
    empty |= extent == 0;
    if (extent && __builtin_mul_overflow(bytes, extent, &bytes)) return std::nullopt;
  }
  return empty ? 0 : uint64_t(bytes);
}

/// The tensors must cover the data from its first byte to its last, each byte once.
static Result<void> checkCover(std::vector<TensorEntry> entries, uint64_t size, std::string_view file) {
  std::sort(entries.begin(), entries.end(), [](const TensorEntry &x, const TensorEntry &y) {
    return std::pair(x.begin, x.end) < std::pair(y.begin, y.end);
  });
  uint64_t covered = 0;
  for (const TensorEntry &entry : entries) {
    if (entry.begin > entry.end || entry.end > size)
      return refuse(file, "tensor '" + entry.name + "' claims bytes " + std::to_string(entry.begin) + " to " +
                              std::to_string(entry.end) + " of " + std::to_string(size));
    if (entry.begin != covered)
      return refuse(file, "tensor '" + entry.name + "' starts at byte " + std::to_string(entry.begin) +
                              (entry.begin < covered ? ", inside another tensor" : ", after a gap"));
    covered = entry.end;
  }
  if (covered != size) return refuse(file, std::to_string(size - covered) + " bytes at its end belong to no tensor");
  return {};
}

static Result<HostTensor> makeTensor(const TensorEntry &entry, std::string_view data, std::string_view file) {
  std::optional<DType> type = typeNamed(entry.dtype);
  if (!type)
    return refuse(file, "tensor '" + entry.name + "' has type '" + entry.dtype +
                            "'; F32, BF16, F16, I32, I8 and BOOL are read; convert it");
  std::optional<uint64_t> bytes = sizeInBytes(entry, *type);
  if (!bytes || *bytes != entry.end - entry.begin)
    return refuse(file, "tensor '" + entry.name + "' has " + std::to_string(entry.end - entry.begin) +
                            " bytes of data; its shape and type need " +
                            (bytes ? std::to_string(*bytes) : "2^63 and more"));
  HostTensor out;
  out.name = entry.name;
  out.dtype = *type;
  out.shape.assign(entry.shape.begin(), entry.shape.end());
  std::string_view own = data.substr(entry.begin, *bytes);
  out.bytes.assign(own.begin(), own.end());
  return out;
}

Result<TensorSet> jvpgen::parseSafetensors(std::string_view bytes, std::string_view file) {
  uint64_t length = 0;
  if (bytes.size() < 8)
    return refuse(file, "it has " + std::to_string(bytes.size()) + " bytes; the header's length alone has 8");
  for (int k = 7; k >= 0; --k) length = length << 8 | static_cast<unsigned char>(bytes[size_t(k)]);
  if (length > kMaximalHeader || length > bytes.size() - 8)
    return refuse(file, "its header claims " + std::to_string(length) + " bytes; " + std::to_string(bytes.size() - 8) +
                            " follow, and at most " + std::to_string(kMaximalHeader) + " are read");
  Result<std::vector<TensorEntry>> entries = parseSafetensorsHeader(bytes.substr(8, length), file);
  if (!entries) return tl::unexpected(entries.error());
  std::string_view data = bytes.substr(8 + length);
  if (Result<void> cover = checkCover(*entries, data.size(), file); !cover) return tl::unexpected(cover.error());
  TensorSet out;
  for (const TensorEntry &entry : *entries) {
    Result<HostTensor> tensor = makeTensor(entry, data, file);
    if (!tensor) return tl::unexpected(tensor.error());
    if (!out.emplace(entry.name, std::move(*tensor)).second)
      return refuse(file, "the name '" + entry.name + "' occurs twice");
  }
  return out;
}

Result<TensorSet> jvpgen::readSafetensors(const std::filesystem::path &path) {
  Result<std::string> bytes = readFile(path);
  if (!bytes) return tl::unexpected(bytes.error());
  return parseSafetensors(*bytes, path.string());
}

static std::string jsonText(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    constexpr std::string_view digits = "0123456789abcdef";
    if (c == '"' || c == '\\')
      (out += '\\') += c;
    else if (static_cast<unsigned char>(c) < 0x20)
      ((out += "\\u00") += digits[size_t(c >> 4)]) += digits[size_t(c & 15)];
    else
      out += c;
  }
  return out + '"';
}

Result<void> jvpgen::writeSafetensors(const std::filesystem::path &path, const TensorSet &tensors) {
  std::string header = "{";
  uint64_t offset = 0;
  for (const auto &[name, tensor] : tensors) {
    if (header.size() > 1) header += ',';
    header += jsonText(name) + ":{\"dtype\":\"" + std::string(fileName(tensor.dtype)) +
              "\",\"shape\":" + shapeText(tensor.shape) + ",\"data_offsets\":[" + std::to_string(offset) + "," +
              std::to_string(offset + tensor.bytes.size()) + "]}";
    offset += tensor.bytes.size();
  }
  header += '}';
  header.append((8 - header.size() % 8) % 8, ' ');
  std::string length;
  for (int k = 0; k < 8; ++k) length += char(uint64_t(header.size()) >> (8 * k));
  std::vector<std::string_view> pieces = {length, header};
  for (const auto &[name, tensor] : tensors)
    pieces.emplace_back(reinterpret_cast<const char *>(tensor.bytes.data()), tensor.bytes.size());
  return writeFile(path, pieces);
}
