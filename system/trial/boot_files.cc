#include "system/trial/boot_files.hh"

#include <fcntl.h>
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "base/fd.hh"
#include "base/log.hh"
#include "base/stream.hh"

namespace osb::system {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kKernel = "vmlinuz-";

std::string kernel_release(const std::string& directory) {
    std::error_code error;
    for (fs::directory_iterator file(directory, error), end; !error && file != end; file.increment(error)) {
        const std::string name = file->path().filename();
        if (name.starts_with(kKernel)) return name.substr(kKernel.size());
    }
    throw Error(ErrorKind::not_found, concat("there is no kernel in ", quoted(directory)));
}

// Writes the file back and drops it from the page cache first, because the bootloader reads the disk.
FdSource open_from_disk(const std::string& path) {
    Fd file = open_regular(AT_FDCWD, path);
    if (::fsync(file.get()) != 0) throw_errno(concat("cannot sync ", quoted(path)));
    static_cast<void>(::posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED));
    return {std::move(file), path};
}

bool have_same_content(Source& a, Source& b) {
    constexpr std::size_t kBuffer = 128UL * 1024;
    std::vector<std::uint8_t> left(kBuffer);
    std::vector<std::uint8_t> right(kBuffer);
    for (;;) {
        const std::size_t n = read_full(a, left);
        if (read_full(b, right) != n ||
            !std::equal(left.begin(), left.begin() + static_cast<long>(n), right.begin()))
            return false;
        if (n < kBuffer) return true;
    }
}

bool is_intact(const std::string& in_boot, const std::string& in_deployment) {
    FdSource written = open_from_disk(in_boot);
    FdSource wanted(open_regular(AT_FDCWD, in_deployment), in_deployment);
    return have_same_content(written, wanted);
}

// Writes a new file under another name first: the old blocks may be the damaged ones.
void write_again(const std::string& in_boot, const std::string& in_deployment) {
    constexpr mode_t kMode = 0644;
    const std::string unfinished = concat(in_boot, ".new");
    FdSource source(open_regular(AT_FDCWD, in_deployment), in_deployment);
    const Fd file = open_at(AT_FDCWD, unfinished, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, kMode);
    constexpr std::size_t kBuffer = 128UL * 1024;
    std::vector<std::uint8_t> buffer(kBuffer);
    while (const std::size_t n = source.read(buffer))
        write_all(file.get(), ByteView(buffer).first(n), unfinished);
    if (::fsync(file.get()) != 0) throw_errno(concat("cannot sync ", quoted(unfinished)));
    if (::rename(unfinished.c_str(), in_boot.c_str()) != 0)
        throw_errno(concat("cannot replace ", quoted(in_boot)));
    const Fd directory = open_at(AT_FDCWD, fs::path(in_boot).parent_path(), O_RDONLY | O_DIRECTORY);
    if (::syncfs(directory.get()) != 0) throw_errno("cannot sync BOOT");
}

void verify(const std::string& in_boot, const std::string& in_deployment) {
    if (is_intact(in_boot, in_deployment)) return;
    log_warning(concat(quoted(in_boot), " is not what was written: writing it again"));
    write_again(in_boot, in_deployment);
    if (is_intact(in_boot, in_deployment)) return;
    throw Error(ErrorKind::io, concat(quoted(in_boot), " is not what was written, twice: it differs from ",
                                      quoted(in_deployment)))
        .hint("the new system is not started: the disk with BOOT is damaged");
}

}  // namespace

void verify_boot_files(const ostree::Sysroot& sysroot, const ostree::Deployment& deployment) {
    const std::string boot =
        concat(sysroot.boot(), "/ostree/", deployment.id.stateroot, '-', deployment.boot_checksum);
    const std::string release = kernel_release(boot);
    const std::string modules =
        concat(sysroot.path_of(deployment.id.path()), "/usr/lib/modules/", release, '/');
    verify(concat(boot, '/', kKernel, release), concat(modules, "vmlinuz"));
    std::error_code error;
    const bool has_long_name = fs::exists(concat(modules, "initramfs.img"), error);
    verify(concat(boot, "/initramfs-", release, ".img"),
           concat(modules, has_long_name ? "initramfs.img" : "initramfs"));
}

}  // namespace osb::system
