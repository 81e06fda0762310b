#include "image/deployment/kernel.hh"

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <set>
#include <string_view>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/log.hh"
#include "ostree/objects/object_reader.hh"

namespace osb::image {
namespace {

constexpr std::string_view kModules = "usr/lib/modules/";

// The files of each folder below usr/lib/modules, by the names of folder and file.
using ModuleFiles = std::map<std::string, std::map<std::string, Sha256>>;

ModuleFiles module_files(const ostree::CommitWalk& commit) {
    ModuleFiles out;
    for (const ostree::WalkedFile& file : commit.files) {
        for (const std::string_view path : file.paths) {
            if (!path.starts_with(kModules)) continue;
            const std::string_view rest = path.substr(kModules.size());
            const std::size_t slash = rest.find('/');
            if (slash == std::string_view::npos || rest.find('/', slash + 1) != std::string_view::npos) {
                continue;
            }
            out[std::string(rest.substr(0, slash))][std::string(rest.substr(slash + 1))] = file.checksum;
        }
    }
    return out;
}

template<typename Predicate>
bool has_path(const ostree::CommitWalk& commit, const Predicate& is_wanted) {
    return std::any_of(commit.files.begin(), commit.files.end(), [&](const ostree::WalkedFile& file) {
        return std::any_of(file.paths.begin(), file.paths.end(), is_wanted);
    });
}

void check_layout(const ostree::CommitWalk& commit) {
    std::set<std::string_view> directories;
    for (const ostree::WalkedDirectory& directory : commit.directories) directories.insert(directory.path);
    for (const std::string_view needed : {"usr/etc", "sysroot", "boot", "var"}) {
        if (directories.contains(needed)) continue;
        throw Error(ErrorKind::invalid,
                    concat("the commit is not laid out for ostree: it has no directory ", quoted(needed)))
            .hint("'osb-oci import' converts an ordinary root filesystem");
    }
    constexpr std::array<std::string_view, 4> kInit{"usr/sbin/init", "sbin/init", "usr/bin/init", "bin/init"};
    const auto is_init = [&](const std::string& path) {
        return std::find(kInit.begin(), kInit.end(), path) != kInit.end();
    };
    if (!has_path(commit, is_init)) {
        throw Error(ErrorKind::invalid, "the system has no /sbin/init, so nothing would start it")
            .hint("install an init system in the image, e.g. openrc");
    }
    // An upgrade would remove all of the machine's /etc that nobody has changed. Only systemd starts without.
    const auto is_needed = [](const std::string& path) {
        return path.starts_with("usr/etc/") || path == "usr/lib/systemd/systemd";
    };
    if (!has_path(commit, is_needed)) {
        log_warning("the system has no file in /etc; its image may hold only a part of a system");
    }
}

// The release is part of lines of boot entries and menus, which blanks and commas separate.
void check_release(const std::string& release) {
    constexpr std::size_t kMaxRelease = 200;  // with what is put around it still a file's name
    const auto is_word = [](char c) { return c > ' ' && c < '\x7f' && c != ','; };
    if (release.size() <= kMaxRelease && std::all_of(release.begin(), release.end(), is_word)) return;
    throw Error(ErrorKind::invalid,
                concat("the kernel's release does not fit in a boot entry: ", quoted(release)));
}

std::uint64_t add_to(Hasher& hasher, const ostree::Repository& repository, const KernelFile& file) {
    const ostree::ContentObject object = ostree::open_object(repository, file.object);
    if (!object.content) {
        throw Error(ErrorKind::invalid, concat(quoted(file.name), " is a symbolic link, not a file"));
    }
    constexpr std::size_t kBuffer = 128UL * 1024;
    const std::unique_ptr<std::uint8_t[]> memory = std::make_unique<std::uint8_t[]>(kBuffer);
    const MutableBytes buffer(memory.get(), kBuffer);
    while (const std::size_t n = object.content->read(buffer)) hasher.update(buffer.first(n));
    // What a build leaves whose disk was full.
    if (object.size == 0) throw Error(ErrorKind::invalid, concat(quoted(file.name), " is an empty file"));
    return object.size;
}

}  // namespace

Kernel find_kernel(const ostree::Repository& repository, const ostree::CommitWalk& commit) {
    check_layout(commit);
    Kernel kernel;
    const std::map<std::string, Sha256>* files = nullptr;
    const ModuleFiles found = module_files(commit);
    for (const auto& [release, in_folder] : found) {
        if (!in_folder.contains("vmlinuz")) continue;
        if (files != nullptr) {
            throw Error(ErrorKind::invalid, concat("the system has two kernels, ", quoted(kernel.release),
                                                   " and ", quoted(release)))
                .hint("ostree supports one: remove the other from the image");
        }
        kernel.release = release;
        files = &in_folder;
    }
    check_release(kernel.release);
    if (files == nullptr) {
        throw Error(ErrorKind::invalid, "the system has no kernel (usr/lib/modules/*/vmlinuz)")
            .hint("install a kernel in the image, e.g. linux-lts");
    }
    const char* initramfs = files->contains("initramfs.img") ? "initramfs.img" : "initramfs";
    if (!files->contains(initramfs)) {
        throw Error(ErrorKind::invalid,
                    concat("the kernel ", quoted(kernel.release), " has no initramfs.img in its directory"))
            .hint("create one in the image, e.g. with mkinitfs, as /boot/initramfs-* or next to the kernel");
    }
    kernel.image = {"vmlinuz-" + kernel.release, files->at("vmlinuz")};
    kernel.initramfs = {concat("initramfs-", kernel.release, ".img"), files->at(initramfs)};
    Hasher hasher;
    kernel.image.size = add_to(hasher, repository, kernel.image);
    kernel.initramfs.size = add_to(hasher, repository, kernel.initramfs);
    kernel.checksum = hasher.finish_hex();
    if (const auto hmac = files->find(".vmlinuz.hmac"); hmac != files->end()) {
        KernelFile file{concat('.', kernel.image.name, ".hmac"), hmac->second};
        file.size = ostree::read_object_header(repository, file.object).size;
        kernel.others.push_back(std::move(file));
    }
    return kernel;
}

}  // namespace osb::image
