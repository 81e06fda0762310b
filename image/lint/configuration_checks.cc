// Checks of configuration files: fstab, kernel arguments and os-release.
#include <array>
#include <sstream>
#include <string>
#include <vector>

#include "base/error.hh"
#include "base/escape.hh"
#include "image/deployment/kargs_d.hh"
#include "image/deployment/os_release.hh"
#include "image/lint/checks.hh"
#include "image/lint/fix.hh"

namespace osb::image {
namespace {

struct FstabLine {
    std::string text;
    std::string device;
    std::string point;
    std::string type;
    std::string options;
};

std::vector<FstabLine> parse_fstab(const std::string& text) {
    std::vector<FstabLine> out;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        std::istringstream fields(line);
        FstabLine entry;
        fields >> entry.device >> entry.point >> entry.type >> entry.options;
        if (entry.device.empty() || entry.device.starts_with('#')) continue;
        entry.text = line;
        out.push_back(std::move(entry));
    }
    return out;
}

bool has_option(const FstabLine& line, std::string_view wanted) {
    std::istringstream options(line.options);
    for (std::string option; std::getline(options, option, ',');) {
        if (option == wanted) return true;
    }
    return false;
}

bool names_a_disk(const std::string& device) {
    for (const char* prefix : {"/dev/", "UUID=", "LABEL=", "PARTUUID=", "PARTLABEL="}) {
        if (device.starts_with(prefix)) return true;
    }
    return false;
}

// True if the running system can create the directory.
bool is_writable_place(std::string_view path) {
    for (const std::string_view top : {"/var/", "/run/", "/tmp/", "/dev/", "/proc/", "/sys/", "/etc/",
                                       "/home/", "/root/", "/srv/", "/mnt/"}) {
        if (path.starts_with(top)) return true;
    }
    return false;
}

// A line that removes the entries of a mount point. `point` has no characters that are special in a pattern.
std::string remove_line_of(std::string_view point) {
    return concat(R"(RUN sed -i '\|^[[:space:]]*[^#[:space:]][^[:space:]]*[[:space:]][[:space:]]*)", point,
                  "[[:space:]]|d' /etc/fstab");
}

void check_fstab_line(const LintContext& context, const FstabLine& line, Findings& findings) {
    const std::string file = context.place_of("etc/fstab");
    if (line.point.empty() || line.type.empty()) {
        findings.warning(file, concat("a line that mount does not understand: ", quoted(line.text)),
                         "write DEVICE MOUNT-POINT TYPE OPTIONS 0 0");
        return;
    }
    if (has_option(line, "noauto") || line.type == "swap" || line.point == "none" || line.point == "swap")
        return;
    if (line.point == "/" && names_a_disk(line.device)) {
        findings.error(file,
                       concat("the entry for / names the disk ", quoted(line.device),
                              ": on ostree the argument root= of the disk selects it, and / is a part of it"),
                       remove_line_of("/"));
        return;
    }
    for (const char* ours : {"/usr", "/etc", "/sysroot", "/ostree"}) {
        if (line.point != ours) continue;
        findings.error(file, concat("the entry for ", ours, " hides this directory of the deployment"),
                       remove_line_of(ours));
        return;
    }
    if (line.point == "/boot" && names_a_disk(line.device)) {
        findings.warning(file, "the entry for /boot: the initramfs mounts /boot already, as the disk has it",
                         remove_line_of("/boot"));
        return;
    }
    const bool is_absolute = line.point.starts_with('/');
    if (is_absolute && !is_writable_place(line.point) && line.point != "/" && line.point != "/var" &&
        !has_option(line, "nofail") && !context.has(line.point)) {
        findings.warning(file,
                         concat("the directory ", quoted(line.point),
                                " does not exist, and a running system cannot create it: / is read-only"),
                         run_line("mkdir -p", line.point));
    }
}

void check_fstab(const LintContext& context, Findings& findings) {
    const std::optional<std::string> text = read_small(context, "etc/fstab");
    if (!text) return;
    for (const FstabLine& line : parse_fstab(*text)) check_fstab_line(context, line, findings);
}

void check_kernel_arguments(const LintContext& context, Findings& findings) {
    constexpr std::string_view kDirectory = "usr/lib/bootc/kargs.d";
    constexpr std::size_t kMaxFile = 1024UL * 1024;
    const std::string architecture = oci::machine_name(
        context.platform().value_or(oci::Platform{.os = "linux", .architecture = {}, .variant = {}}));
    for_each_below(context.tree(), kDirectory, [&](const std::string& path, const LintEntry& entry) {
        if (parent_path(path) != kDirectory || !path.ends_with(".toml")) return;
        const std::string fix = run_line("rm", '/' + path, "or correct it");
        if (entry.kind != LintKind::file) {
            findings.error(path, "not a file, so install-to-disk and upgrade refuse the image", fix);
            return;
        }
        try {
            const std::string text = read_all(*context.tree().open(path), kMaxFile, path);
            static_cast<void>(parse_kargs(text, std::string(base_name(path)), architecture));
        } catch (const Error& error) {
            if (error.kind() != ErrorKind::invalid && error.kind() != ErrorKind::too_large) throw;
            findings.error(path, concat(error.message(), ": install-to-disk and upgrade refuse the image"),
                           fix);
        }
    });
}

std::optional<FoundEntry> find_os_release(const LintContext& context) {
    for (const char* path : {"etc/os-release", "usr/lib/os-release"}) {
        std::optional<FoundEntry> found = context.find(path);
        if (found && found->entry->kind == LintKind::file) return found;
    }
    return std::nullopt;
}

void check_os_release(const LintContext& context, Findings& findings) {
    const std::optional<FoundEntry> found = find_os_release(context);
    if (!found) {
        findings.warning("etc/os-release", "there is no os-release, so the boot menu cannot name the system",
                         R"(RUN printf 'ID=my-os\nPRETTY_NAME="My OS"\n' >/etc/os-release)");
        return;
    }
    const std::optional<std::string> text = read_small(context, found->path);
    if (!text) {
        findings.warning(found->path,
                         "this file has more than 1 MiB, so the boot menu cannot name the system",
                         "write a short os-release");
        return;
    }
    try {
        check_title(parse_os_release(*text), context.subject().version.value_or(std::string()));
    } catch (const Error& error) {
        findings.error(found->path, error.message(), "write a short PRETTY_NAME of one line");
    }
}

constexpr std::array<LintCheck, 3> kConfigurationChecks{{
    {"fstab", "an entry of /etc/fstab cannot work on ostree", check_fstab},
    {"kernel-arguments",
     "a file of kargs.d is malformed or sets an argument of the disk, such as root=", check_kernel_arguments},
    {"os-release", "os-release is missing, or its name does not fit in a boot menu", check_os_release},
}};

}  // namespace

std::span<const LintCheck> configuration_checks() {
    return kConfigurationChecks;
}

}  // namespace osb::image
