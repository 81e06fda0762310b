// Mutations that leave an archive one: without them nearly every changed header fails at its checksum, and
// the fuzzer sees little else of a tar reader.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace osb::fuzz {

// Called for each header block whose checksum is about to be made: may change it, and gets the content that
// follows (less than its size says where the archive ends before).
using RepairHeader = void (*)(std::uint8_t* header, std::string_view content);

// Walks the archive as its headers and their sizes say, and makes the checksums right. Whatever is no header
// ends the walk.
void repair_checksums(std::uint8_t* data, std::size_t size, RepairHeader repair = nullptr);

// libFuzzer's mutation, and then, three times out of four, repair_checksums() of what follows the first
// `prefix` bytes.
std::size_t mutate_tar(std::uint8_t* data, std::size_t size, std::size_t max_size, unsigned seed,
                       std::size_t prefix, RepairHeader repair = nullptr);

}  // namespace osb::fuzz
