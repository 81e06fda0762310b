// Room on the filesystems of a sysroot, and how messages speak of it.
#pragma once

#include <cstdint>
#include <string>

namespace osb::system {

// What may still be written to the filesystem that holds `path`, in bytes. Throws Error{io}.
std::uint64_t free_bytes(const std::string& path);

// How many files it may still hold, whatever their size; the highest number where nothing but space bounds
// them. Throws Error{io}.
std::uint64_t free_inodes(const std::string& path);

// "12 MiB", rounded up.
std::string in_mib(std::uint64_t bytes);

}  // namespace osb::system
