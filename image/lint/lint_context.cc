#include "image/lint/lint_context.hh"

#include <array>

#include "base/byte_order.hh"
#include "base/bytes.hh"
#include "base/escape.hh"
#include "ostree/layout/bootable_layout.hh"

namespace osb::image {
namespace {

constexpr std::size_t kMaxSmallFile = 1024UL * 1024;

// The architecture in Go's name from e_machine of an ELF header; "" if it is unknown.
std::string_view elf_architecture(std::string_view head) {
    constexpr std::size_t kDataField = 5;
    constexpr std::size_t kMachineField = 18;
    constexpr std::size_t kNeeded = 20;
    struct Machine {
        std::uint64_t number;
        std::string_view name;
    };
    constexpr std::array<Machine, 8> kMachines{{{3, "386"},
                                                {21, "ppc64le"},
                                                {22, "s390x"},
                                                {40, "arm"},
                                                {62, "amd64"},
                                                {183, "arm64"},
                                                {243, "riscv64"},
                                                {258, "loong64"}}};
    if (head.size() < kNeeded || !head.starts_with("\x7F"
                                                   "ELF")) {
        return {};
    }
    const std::string_view field = head.substr(kMachineField, 2);
    const bool is_big = head[kDataField] == 2;
    const std::uint64_t number = is_big ? from_big_endian(as_bytes(field)) : from_little_endian(field);
    for (const Machine& machine : kMachines) {
        if (machine.number == number) return machine.name;
    }
    return {};
}

std::optional<oci::Platform> platform_of_programs(const LintTree& tree) {
    constexpr std::size_t kHead = 64;
    for (const char* path : {"sbin/init", "bin/busybox", "bin/sh", "usr/bin/env"}) {
        const std::optional<FoundEntry> found = tree.resolve(path);
        if (!found || found->entry->kind != LintKind::file) continue;
        const std::string head = tree.read_head(found->path, kHead);
        const std::string_view architecture = elf_architecture(head);
        if (!architecture.empty()) {
            return oci::Platform{.os = "linux", .architecture = std::string(architecture), .variant = {}};
        }
    }
    return std::nullopt;
}

}  // namespace

LintContext::LintContext(const LintSubject& subject)
    : subject_(subject),
      laid_out_(subject.tree.is_laid_out()),
      deployed_(view_deployed(subject.deployed != nullptr ? *subject.deployed : subject.tree)),
      program_platform_(platform_of_programs(subject.tree)) {
    platform_ = subject.platform;
    if (!platform_ || platform_->architecture.empty()) platform_ = program_platform_;
}

std::string LintContext::place_of(std::string_view path) const {
    while (path.starts_with('/')) path.remove_prefix(1);
    if (!laid_out_) return std::string(path);
    if (path == "etc" || path.starts_with("etc/")) return concat("usr/", path);
    if (path == "var" || path.starts_with("var/")) return concat(ostree::kFactory, '/', path);
    return std::string(path);
}

std::vector<std::string> LintContext::state_directories() const {
    if (laid_out_) return {place_of("var")};
    return {"var", "home", "root", "srv", "mnt"};
}

const LintKernel* LintContext::kernel() const noexcept {
    return deployed_.kernels.size() == 1 ? &deployed_.kernels.front() : nullptr;
}

const InitramfsFacts* LintContext::initramfs() const {
    const LintKernel* const only = kernel();
    if (only == nullptr || only->initramfs.empty()) return nullptr;
    if (!initramfs_) initramfs_ = read_initramfs_facts(*only->tree->open(only->initramfs));
    return &*initramfs_;
}

std::string LintContext::install_line(std::string_view alpine, std::string_view debian) const {
    if (has("usr/bin/dpkg")) return concat("RUN apt-get update && apt-get install -y ", debian);
    return concat("RUN apk add --no-cache ", alpine);
}

std::string LintContext::initramfs_line() const {
    if (has("usr/bin/dpkg")) return "RUN update-initramfs -c -k all";
    return "RUN mkinitfs \"$(basename /lib/modules/*)\"";
}

std::vector<std::string> LintContext::runlevels_of(std::string_view service) const {
    std::vector<std::string> out;
    const std::string runlevels = place_of("etc/runlevels");
    for_each_below(tree(), runlevels, [&](const std::string& path, const LintEntry&) {
        const std::string_view level = parent_path(path);
        if (base_name(path) == service && parent_path(level) == runlevels) out.emplace_back(base_name(level));
    });
    return out;
}

std::optional<std::string> read_small(const LintContext& context, std::string_view path) {
    const std::optional<FoundEntry> found = context.find(path);
    if (!found || found->entry->kind != LintKind::file || found->entry->size > kMaxSmallFile)
        return std::nullopt;
    return read_all(*context.tree().open(found->path), kMaxSmallFile, path);
}

void PathList::add(std::string_view path) {
    constexpr std::size_t kShown = 3;
    if (++count_ > kShown + 1) return;
    if (count_ > 1) text_ += ", ";
    text_ += count_ > kShown ? std::string("...") : escape(concat('/', path), 100);
}

}  // namespace osb::image
