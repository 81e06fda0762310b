#include "image/install/disk_sizes.hh"

#include <algorithm>

#include "image/disk/byte_size.hh"
#include "image/ext4/ext4_writer.hh"

namespace osb::image {
namespace {

constexpr std::uint64_t kUsualBoot = 256 * kMebibyte;
constexpr std::uint64_t kLeastSpare = 32 * kMebibyte;  // free space that a running system needs on its root
constexpr std::uint64_t kUsualSpare = 256 * kMebibyte;
constexpr std::uint64_t kOthers = 2;  // deployments beside the first

std::uint64_t whole_mebibytes(std::uint64_t size) {
    return (size + kMebibyte - 1) / kMebibyte * kMebibyte;
}

std::uint64_t root_size(const FileTree& root, std::uint64_t spare) {
    const std::uint64_t system = ext4_content_size(root);
    return ext4_size_for(root, kOthers * system + system / 4 + spare);
}

}  // namespace

std::uint64_t least_boot_size(const FileTree& boot, std::uint64_t kernel_size) {
    constexpr std::uint64_t kSmallFiles = kMebibyte;  // boot entries and directories of a deployment
    return whole_mebibytes(ext4_size_for(boot, kOthers * (kernel_size + kSmallFiles) + kernel_size * 3 / 4));
}

std::uint64_t usual_boot_size(const FileTree& boot, std::uint64_t kernel_size) {
    return std::max(kUsualBoot, least_boot_size(boot, kernel_size));
}

std::uint64_t least_root_size(const FileTree& root) {
    return ext4_size_for(root, kLeastSpare);
}

std::uint64_t upgradable_root_size(const FileTree& root) {
    return root_size(root, kLeastSpare);
}

std::uint64_t usual_root_size(const FileTree& root) {
    return root_size(root, kUsualSpare);
}

}  // namespace osb::image
