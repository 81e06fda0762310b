// Compressed bytes for tests, made in memory.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace osb::test {

// One gzip member.
std::string gzip(std::string_view content, int level = 6);

// One zstd frame, with a checksum of its content.
std::string zstd(std::string_view content, int level = 3);

// One zstd frame with a window of 2^window_log bytes, as a stream of unknown length has it.
std::string zstd_with_window(std::string_view content, int window_log);

// An xz stream.
std::string xz(std::string_view content);

// A bzip2 stream.
std::string bzip2(std::string_view content);

// Frames that decoders skip: magic number, length, content.
std::string zstd_skippable(std::string_view content);

// The CRC-32 of gzip.
std::uint32_t crc32(std::string_view bytes);

// `value` as `bytes` bytes, the lowest first.
std::string little_endian(std::uint64_t value, unsigned bytes);

}  // namespace osb::test
