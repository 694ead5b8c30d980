// 64-bit little-endian ELF, as <elf.h> lays it out; every offset is checked against the bytes there are.
#include "runtime/jit/Elf.h"

#include <cstring>
#include <elf.h>
#include <fstream>
#include <optional>
#include <string_view>

using namespace jvpgen;

/// The record at `offset`, or nothing if the bytes end before it does.
template <typename Record> static std::optional<Record> recordAt(std::string_view bytes, uint64_t offset) {
  if (offset > bytes.size() || bytes.size() - offset < sizeof(Record)) return std::nullopt;
  Record out;
  std::memcpy(&out, bytes.data() + offset, sizeof out);
  return out;
}

static bool isElf64(const Elf64_Ehdr &header) {
  return std::memcmp(header.e_ident, ELFMAG, SELFMAG) == 0 && header.e_ident[EI_CLASS] == ELFCLASS64 &&
         header.e_ident[EI_DATA] == ELFDATA2LSB;
}

static std::string hexadecimal(std::string_view bytes) {
  std::string out;
  for (unsigned char byte : bytes) {
    out += "0123456789abcdef"[byte >> 4];
    out += "0123456789abcdef"[byte & 15];
  }
  return out;
}

/// Notes stand one behind the other: sizes of name and description, type, then both, each padded to four bytes.
static std::string buildIdIn(std::string_view notes) {
  uint64_t at = 0;
  while (std::optional<Elf64_Nhdr> note = recordAt<Elf64_Nhdr>(notes, at)) {
    uint64_t name = at + sizeof *note;
    uint64_t description = name + ((uint64_t(note->n_namesz) + 3) & ~uint64_t(3));
    at = description + ((uint64_t(note->n_descsz) + 3) & ~uint64_t(3));
    if (description > notes.size() || notes.size() - description < note->n_descsz) return "";
    bool gnu = note->n_namesz == 4 && notes.compare(name, 4, std::string_view("GNU\0", 4)) == 0;
    if (gnu && note->n_type == NT_GNU_BUILD_ID) return hexadecimal(notes.substr(description, note->n_descsz));
  }
  return "";
}

/// `size` bytes of the file from `offset` on; fewer where it ends.
static std::string bytesAt(std::ifstream &file, uint64_t offset, uint64_t size) {
  constexpr uint64_t kMost = 1 << 20; // headers and notes are far smaller
  std::string out(std::min(size, kMost), '\0');
  file.clear();
  file.seekg(static_cast<std::streamoff>(offset));
  file.read(out.data(), static_cast<std::streamsize>(out.size()));
  out.resize(file.gcount() > 0 ? static_cast<size_t>(file.gcount()) : 0);
  return out;
}

Result<std::string> jvpgen::readBuildId(const std::filesystem::path &library) {
  std::ifstream file(library, std::ios::binary);
  if (!file)
    return fail(ErrorKind::Environment, "cannot open the library '" + library.string() + "' to read its build id");
  std::optional<Elf64_Ehdr> header = recordAt<Elf64_Ehdr>(bytesAt(file, 0, sizeof(Elf64_Ehdr)), 0);
  if (header && isElf64(*header)) {
    std::string programs = bytesAt(file, header->e_phoff, uint64_t(header->e_phnum) * sizeof(Elf64_Phdr));
    for (uint64_t at = 0; auto program = recordAt<Elf64_Phdr>(programs, at); at += sizeof(Elf64_Phdr)) {
      if (program->p_type != PT_NOTE) continue;
      if (std::string id = buildIdIn(bytesAt(file, program->p_offset, program->p_filesz)); !id.empty()) return id;
    }
  }
  return fail(ErrorKind::Environment,
              "'" + library.string() +
                  "' was asked for its build id and has none, so kernels compiled with it cannot "
                  "be told apart; install the library again from its package");
}
