// JSON in and out; the reader stops at the first field that is not what it has to be, and says which.
#include "runtime/abi/BundleMetadata.h"

#include "schedule/ScheduleFields.h"
#include "support/Hash.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

using namespace jvpgen;
using Json = nlohmann::ordered_json;

// ---- writing
// -----------------------------------------------------------------------------------------------------------

namespace jvpgen { // the element type of a list finds its own toJson by argument-dependent lookup
static Json toJson(const TensorDeclaration &tensor) {
  return {{"name", tensor.name},           {"indices", tensor.indices},           {"dtype", name(tensor.dtype)},
          {"is_output", tensor.is_output}, {"per_sequence", tensor.per_sequence}, {"query_step", tensor.query_step},
          {"key_step", tensor.key_step}};
}

static Json toJson(const Schedule &schedule) {
  Json out;
  for (const ScheduleField &field : kScheduleFields) out[field.name] = schedule.*field.value;
  return out;
}

static Json toJson(const ResourceModel &model) {
  return {{"own_features", model.own_features},
          {"streamed_features", model.streamed_features},
          {"streamed_numbers", model.streamed_numbers},
          {"own_registers", model.own_registers},
          {"score_tiles", model.score_tiles},
          {"packed_tiles", model.packed_tiles},
          {"output_features", model.output_features},
          {"element_bytes", model.element_bytes},
          {"owns_queries", model.owns_queries},
          {"key_features", model.key_features},
          {"early_scores", model.early_scores},
          {"fetched_tiles", model.fetched_tiles},
          {"mask_registers", model.mask_registers},
          {"masks_entries", model.masks_entries},
          {"warpgroups", model.warpgroups},
          {"is_sweep", model.is_sweep}};
}

static Json toJson(const TensorMapDeclaration &map) {
  return {{"tensor", map.tensor}, {"rows", map.rows}, {"features", map.features}};
}

template <typename T> static Json listOf(const std::vector<T> &items) {
  Json out = Json::array();
  for (const T &item : items) out.push_back(toJson(item));
  return out;
}

static Json toJson(const Launch &launch) {
  return {{"kernel", launch.kernel},
          {"source", launch.source},
          {"owners", launch.owners},
          {"rows_per_block", launch.rows_per_block},
          {"walks", launch.walks},
          {"counter", launch.counter},
          {"partial_numbers", launch.partial_numbers},
          {"joins", launch.joins},
          {"tensors", launch.tensors},
          {"maps", listOf(launch.maps)},
          {"resources", toJson(launch.resources)},
          {"schedule", toJson(launch.schedule)}};
}

static Json toJson(const KernelVariant &variant) {
  return {{"program", variant.program},
          {"variant", variant.variant},
          {"skeleton", variant.skeleton},
          {"fallback_reason", variant.fallback_reason},
          {"workspace", listOf(variant.workspace)},
          {"launches", listOf(variant.launches)},
          {"schedule", toJson(variant.schedule)},
          {"executed_products", variant.executed_products}};
}

static Json listed(const std::string &name, std::string_view bytes) {
  return {{"name", name}, {"bytes", bytes.size()}, {"sha256", sha256(bytes)}};
}

static Json toJson(const SourceFile &file) { return listed(file.name, file.text); }

static Json machineCodeJson(const KernelBundle &bundle) {
  Json out = Json::array();
  for (size_t k = 0; k < bundle.machine_code.size(); ++k) {
    const MachineCode &code = bundle.machine_code[k];
    out.push_back({{"kernel", code.kernel},
                   {"arch", code.arch},
                   {"schedule", toJson(code.schedule)},
                   {"key", code.key},
                   {"compiler", code.compiler},
                   {"registers", code.registers},
                   {"spill_bytes", code.spill_bytes},
                   {"serialised", code.serialised},
                   {"static_shared_bytes", code.static_shared_bytes},
                   {"file", listed(machineCodeFile(bundle, k), code.cubin)}});
  }
  return out;
}
} // namespace jvpgen

std::string jvpgen::machineCodeFile(const KernelBundle &bundle, size_t k) {
  return bundle.machine_code[k].kernel + "." + bundle.machine_code[k].arch + "." + std::to_string(k) + ".cubin";
}

std::string jvpgen::printMetadata(const KernelBundle &bundle) {
  Json out = {{"format", "jvpgen bundle"},
              {"version", KernelBundle::kVersion},
              {"name", bundle.name},
              {"digest", bundle.digest},
              {"specification", listed(kSpecificationFile, bundle.specification)},
              {"arch", bundle.arch},
              {"head_dim_qk", bundle.head_dim_qk},
              {"head_dim_v", bundle.head_dim_v},
              {"layout", bundle.layout},
              {"tensors", listOf(bundle.tensors)},
              {"variants", listOf(bundle.variants)},
              {"references", listOf(bundle.references)},
              {"files", listOf(bundle.files)},
              {"machine_code", machineCodeJson(bundle)}};
  return out.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

// ---- reading
// -----------------------------------------------------------------------------------------------------------

static bool isIdentifier(std::string_view text) {
  auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  return !text.empty() && text.size() <= 128 && !(text[0] >= '0' && text[0] <= '9') &&
         std::all_of(text.begin(), text.end(), fits);
}

bool jvpgen::isFileName(std::string_view name) {
  auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  auto fits = [&](char c) { return letter(c) || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.'; };
  return !name.empty() && name.size() <= 128 && letter(name[0]) && std::all_of(name.begin(), name.end(), fits);
}

static bool isNumberOfRows(std::string_view text) {
  int rows = 0;
  auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), rows);
  return code == std::errc() && end == text.data() + text.size() && rows >= 1 && rows <= 65536;
}

namespace {
/// Reads fields; the first one that is wrong sticks as `problem`, and everything read after it is empty.
class MetadataReader {
public:
  std::string problem;

  void refuse(const std::string &where, const std::string &what) {
    if (problem.empty()) problem = where + " " + what;
  }

  const Json &member(const Json &object, const char *key, const std::string &where) {
    static const Json nothing;
    if (object.is_object())
      if (auto it = object.find(key); it != object.end()) return *it;
    refuse(where + "." + key, "is missing");
    return nothing;
  }
  std::string text(const Json &object, const char *key, const std::string &where) {
    const Json &value = member(object, key, where);
    if (value.is_string() && value.get_ref<const std::string &>().size() <= 4096) return value;
    refuse(where + "." + key, "is not a text of at most 4096 bytes");
    return "";
  }
  int64_t integer(const Json &object, const char *key, const std::string &where, int64_t least, int64_t greatest) {
    const Json &value = member(object, key, where);
    bool fits = value.is_number_unsigned() ? value.get<uint64_t>() <= uint64_t(greatest) : value.is_number_integer();
    if (fits && value.get<int64_t>() >= least && value.get<int64_t>() <= greatest) return value.get<int64_t>();
    refuse(where + "." + key, "is not an integer from " + std::to_string(least) + " to " + std::to_string(greatest));
    return least;
  }
  bool boolean(const Json &object, const char *key, const std::string &where) {
    const Json &value = member(object, key, where);
    if (value.is_boolean()) return value;
    refuse(where + "." + key, "is not true or false");
    return false;
  }
  /// A list whose items `read` turns into values, each with the words that say where it stands.
  template <typename Read>
  auto list(const Json &object, const char *key, const std::string &where, Read read)
      -> std::vector<decltype(read(object, where))> {
    std::vector<decltype(read(object, where))> out;
    const Json &items = member(object, key, where);
    if (!items.is_array() || items.size() > 4096)
      refuse(where + "." + key, "is not a list of at most 4096 items");
    else
      for (size_t k = 0; k < items.size() && problem.empty(); ++k)
        out.push_back(read(items[k], where + "." + key + "[" + std::to_string(k) + "]"));
    return out;
  }

  TensorDeclaration tensor(const Json &json, const std::string &where);
  Schedule schedule(const Json &json, const std::string &where);
  ResourceModel resources(const Json &json, const std::string &where);
  TensorMapDeclaration map(const Json &json, const std::string &where);
  Launch launch(const Json &json, const std::string &where);
  KernelVariant variant(const Json &json, const std::string &where);
  ListedFile file(const Json &json, const std::string &where);
  std::string digest(const Json &json, const char *key, const std::string &where);
  std::string arch(const Json &json, const std::string &where);
  MachineCode machineCode(const Json &json, const std::string &where);
};
} // namespace

TensorDeclaration MetadataReader::tensor(const Json &json, const std::string &where) {
  TensorDeclaration out;
  out.name = text(json, "name", where);
  if (!isIdentifier(out.name)) refuse(where + ".name", "is not an identifier");
  out.indices = text(json, "indices", where);
  if (out.indices.size() > 7 || out.indices.find_first_not_of("bnrijde") != std::string::npos)
    refuse(where + ".indices", "has a letter that is not in \"bnrijde\"");
  std::string dtype = text(json, "dtype", where);
  bool known = false;
  for (DType type : {DType::F32, DType::BF16, DType::F16, DType::I32, DType::I8, DType::F64})
    if (dtype == name(type)) out.dtype = type, known = true;
  if (!known) refuse(where + ".dtype", "is not one of f32, bf16, f16, i32, i8, f64");
  out.is_output = boolean(json, "is_output", where);
  out.per_sequence = boolean(json, "per_sequence", where);
  out.query_step = int(integer(json, "query_step", where, 1, 4096));
  out.key_step = int(integer(json, "key_step", where, 1, 4096));
  return out;
}

Schedule MetadataReader::schedule(const Json &json, const std::string &where) {
  Schedule out;
  for (const ScheduleField &field : kScheduleFields)
    out.*field.value = field.before && json.is_object() && !json.contains(field.name)
                           ? *field.before
                           : int(integer(json, field.name, where, field.least, field.greatest));
  return out;
}

ResourceModel MetadataReader::resources(const Json &json, const std::string &where) {
  ResourceModel out;
  auto count = [&](const char *key) { return int(integer(json, key, where, 0, 65536)); };
  out.own_features = count("own_features");
  out.streamed_features = count("streamed_features");
  out.streamed_numbers = count("streamed_numbers");
  out.own_registers = count("own_registers");
  out.score_tiles = count("score_tiles");
  out.packed_tiles = count("packed_tiles");
  out.output_features = count("output_features");
  out.element_bytes = int(integer(json, "element_bytes", where, 1, 16));
  out.owns_queries = boolean(json, "owns_queries", where);
  out.key_features = count("key_features");
  out.early_scores = count("early_scores");
  out.fetched_tiles = count("fetched_tiles");
  out.mask_registers = count("mask_registers");
  out.masks_entries = boolean(json, "masks_entries", where);
  out.warpgroups = boolean(json, "warpgroups", where);
  out.is_sweep = boolean(json, "is_sweep", where);
  return out;
}

TensorMapDeclaration MetadataReader::map(const Json &json, const std::string &where) {
  TensorMapDeclaration out;
  out.tensor = text(json, "tensor", where);
  out.rows = text(json, "rows", where);
  if (out.rows != "tile_m" && out.rows != "tile_n") refuse(where + ".rows", "is not tile_m or tile_n");
  out.features = int(integer(json, "features", where, 1, 64));
  return out;
}

Launch MetadataReader::launch(const Json &json, const std::string &where) {
  Launch out;
  out.kernel = text(json, "kernel", where);
  if (!isIdentifier(out.kernel)) refuse(where + ".kernel", "is not an identifier");
  out.source = text(json, "source", where);
  out.owners = text(json, "owners", where);
  if (out.owners.size() > 4 || out.owners.find_first_not_of("bnrij") != std::string::npos)
    refuse(where + ".owners", "has a letter that is not in \"bnrij\"");
  out.rows_per_block = text(json, "rows_per_block", where);
  if (out.rows_per_block != "tile_m" && out.rows_per_block != "tile_n" && !isNumberOfRows(out.rows_per_block))
    refuse(where + ".rows_per_block", "is not tile_m, tile_n or a number of rows");
  out.walks = boolean(json, "walks", where);
  out.counter = text(json, "counter", where);
  out.partial_numbers = int(integer(json, "partial_numbers", where, 0, 4096));
  out.joins = boolean(json, "joins", where);
  out.tensors = list(json, "tensors", where, [this](const Json &item, const std::string &at) -> std::string {
    if (item.is_string()) return item;
    refuse(at, "is not a text");
    return "";
  });
  out.maps = list(json, "maps", where, [this](const Json &item, const std::string &at) { return map(item, at); });
  out.resources = resources(member(json, "resources", where), where + ".resources");
  out.schedule = schedule(member(json, "schedule", where), where + ".schedule");
  return out;
}

KernelVariant MetadataReader::variant(const Json &json, const std::string &where) {
  KernelVariant out;
  out.program = text(json, "program", where);
  out.variant = text(json, "variant", where);
  out.skeleton = text(json, "skeleton", where);
  out.fallback_reason = text(json, "fallback_reason", where);
  out.workspace =
      list(json, "workspace", where, [this](const Json &item, const std::string &at) { return tensor(item, at); });
  out.launches =
      list(json, "launches", where, [this](const Json &item, const std::string &at) { return launch(item, at); });
  out.schedule = schedule(member(json, "schedule", where), where + ".schedule");
  const Json &products = member(json, "executed_products", where);
  if (products.is_number())
    out.executed_products = products;
  else
    refuse(where + ".executed_products", "is not a number");
  return out;
}

ListedFile MetadataReader::file(const Json &json, const std::string &where) {
  ListedFile out;
  out.name = text(json, "name", where);
  if (!isFileName(out.name)) refuse(where + ".name", "is not a plain file name");
  out.bytes = size_t(integer(json, "bytes", where, 0, 1 << 24));
  out.digest = digest(json, "sha256", where);
  return out;
}

std::string MetadataReader::digest(const Json &json, const char *key, const std::string &where) {
  std::string out = text(json, key, where);
  if (out.size() != 64 || out.find_first_not_of("0123456789abcdef") != std::string::npos)
    refuse(where + "." + key, "is not 64 hexadecimal digits");
  return out;
}

/// "sm_90a": part of a file's name, and of an option.
std::string MetadataReader::arch(const Json &json, const std::string &where) {
  std::string out = text(json, "arch", where);
  if (!out.starts_with("sm_") || !isIdentifier(out)) refuse(where + ".arch", "is no name of an arch, as in sm_90a");
  return out;
}

MachineCode MetadataReader::machineCode(const Json &json, const std::string &where) {
  MachineCode out;
  out.kernel = text(json, "kernel", where);
  out.arch = arch(json, where);
  out.schedule = schedule(member(json, "schedule", where), where + ".schedule");
  out.key = digest(json, "key", where);
  out.compiler = text(json, "compiler", where);
  out.registers = int(integer(json, "registers", where, 0, 255));
  out.spill_bytes = int(integer(json, "spill_bytes", where, 0, 1 << 24));
  out.serialised = int(integer(json, "serialised", where, 0, 1 << 24));
  out.static_shared_bytes = int(integer(json, "static_shared_bytes", where, 0, 1 << 24));
  return out;
}

/// What a variant's launches name must be there, and no kernel twice.
static void checkVariant(const KernelVariant &variant, const std::set<std::string> &files,
                         const std::set<std::string> &tensors, std::set<std::string> &kernels, MetadataReader &reader) {
  std::set<std::string> known = tensors;
  for (const TensorDeclaration &buffer : variant.workspace) known.insert(buffer.name);
  const Launch *before = nullptr;
  for (const Launch &launch : variant.launches) {
    const Launch *divided = std::exchange(before, &launch);
    if (launch.joins && !(divided && !divided->joins && divided->partial_numbers == launch.partial_numbers &&
                          divided->schedule.tile_m == launch.schedule.tile_m && launch.partial_numbers))
      reader.refuse("kernel " + launch.kernel, "joins parts that the kernel before does not leave");
    if (!files.count(launch.source)) reader.refuse("kernel " + launch.kernel, "has a source that is not listed");
    if (!kernels.insert(launch.kernel).second) reader.refuse("kernel " + launch.kernel, "is there twice");
    for (const std::string &tensor : launch.tensors)
      if (!known.count(tensor)) reader.refuse("kernel " + launch.kernel, "has the undeclared tensor '" + tensor + "'");
    for (const TensorMapDeclaration &map : launch.maps)
      if (!tensors.count(map.tensor))
        reader.refuse("kernel " + launch.kernel, "maps '" + map.tensor + "', which is no tensor of the interface");
  }
}

/// Names that refer to something must refer to something that is there.
static void checkReferences(const BundleMetadata &metadata, MetadataReader &reader) {
  std::set<std::string> files, tensors, kernels;
  for (const ListedFile &file : metadata.files)
    if (!files.insert(file.name).second) reader.refuse("files", "has '" + file.name + "' twice");
  for (size_t k = 0; k < metadata.machine_code.size() && reader.problem.empty(); ++k)
    if (metadata.machine_code[k].name != machineCodeFile(metadata.bundle, k) ||
        files.count(metadata.machine_code[k].name))
      reader.refuse("machine_code[" + std::to_string(k) + "].file", "has a name that is not its own");
  if (metadata.specification.name != kSpecificationFile || files.count(kSpecificationFile))
    reader.refuse("specification", "has a name that is not its own");
  for (const TensorDeclaration &tensor : metadata.bundle.tensors)
    if (tensor.dtype == DType::F64)
      reader.refuse("tensors", "has '" + tensor.name + "' of f64, which only references have");
    else if (!tensors.insert(tensor.name).second)
      reader.refuse("tensors", "has '" + tensor.name + "' twice");
  for (const auto *variants : {&metadata.bundle.variants, &metadata.bundle.references})
    for (const KernelVariant &variant : *variants) checkVariant(variant, files, tensors, kernels, reader);
}

Result<BundleMetadata> jvpgen::parseMetadata(std::string_view text) {
  const char *const remedy = "; emit the bundle again";
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) return fail(ErrorKind::Invalid, std::string("the bundle's metadata is not JSON") + remedy);
  MetadataReader reader;
  if (reader.text(json, "format", "bundle") != "jvpgen bundle")
    return fail(ErrorKind::Invalid, std::string("the file does not describe a jvpgen bundle") + remedy);
  int64_t version = reader.integer(json, "version", "bundle", 0, 1 << 30);
  if (reader.problem.empty() && version != KernelBundle::kVersion)
    return fail(ErrorKind::Invalid, "the bundle has version " + std::to_string(version) +
                                        " and this jvpgen reads version " + std::to_string(KernelBundle::kVersion) +
                                        remedy);
  BundleMetadata out;
  KernelBundle &bundle = out.bundle;
  bundle.name = reader.text(json, "name", "bundle");
  bundle.digest = reader.text(json, "digest", "bundle");
  bundle.head_dim_qk = int(reader.integer(json, "head_dim_qk", "bundle", 1, 4096));
  bundle.head_dim_v = int(reader.integer(json, "head_dim_v", "bundle", 1, 4096));
  bundle.layout = reader.text(json, "layout", "bundle");
  if (bundle.layout != "dense" && bundle.layout != "padded" && bundle.layout != "packed")
    reader.refuse("bundle.layout", "is not dense, padded or packed");
  bundle.tensors = reader.list(json, "tensors", "bundle",
                               [&](const Json &item, const std::string &at) { return reader.tensor(item, at); });
  bundle.variants = reader.list(json, "variants", "bundle",
                                [&](const Json &item, const std::string &at) { return reader.variant(item, at); });
  bundle.references = reader.list(json, "references", "bundle",
                                  [&](const Json &item, const std::string &at) { return reader.variant(item, at); });
  out.files = reader.list(json, "files", "bundle",
                          [&](const Json &item, const std::string &at) { return reader.file(item, at); });
  out.specification = reader.file(reader.member(json, "specification", "bundle"), "bundle.specification");
  bundle.arch = reader.arch(json, "bundle");
  bundle.machine_code = reader.list(json, "machine_code", "bundle", [&](const Json &item, const std::string &at) {
    return reader.machineCode(item, at);
  });
  out.machine_code = reader.list(json, "machine_code", "bundle", [&](const Json &item, const std::string &at) {
    return reader.file(reader.member(item, "file", at), at + ".file");
  });
  checkReferences(out, reader);
  if (!reader.problem.empty())
    return fail(ErrorKind::Invalid, "the bundle's metadata is damaged: " + reader.problem + remedy);
  return out;
}
