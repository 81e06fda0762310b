#include "image/deployment/kargs_d.hh"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/stream.hh"
#include "image/deployment/argument_rules.hh"
#include "oci/documents/json_members.hh"
#include "oci/documents/platform.hh"
#include "oci/documents/toml.hh"
#include "ostree/objects/object_reader.hh"
#include "ostree/sysroot/kernel_options.hh"

namespace osb::image {
namespace {

constexpr std::string_view kKargsDirectory = "usr/lib/bootc/kargs.d/";
constexpr std::string_view kEnding = ".toml";

bool contains(const KernelArguments& list, const std::string& argument) {
    return std::find(list.begin(), list.end(), argument) != list.end();
}

void check_kargs_line(const std::string& line) {
    const bool has_control = std::any_of(
        line.begin(), line.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
    if (has_control || std::count(line.begin(), line.end(), '"') % 2 != 0) {
        throw Error(ErrorKind::invalid, concat("not a kernel argument: ", quoted(line)));
    }
}

void check_image_argument(const std::string& argument) {
    if (ostree::ends_kernel_options(argument)) {
        throw Error(ErrorKind::invalid, concat("the kernel argument ", quoted(argument),
                                               " would end the kernel's arguments: others come after it"));
    }
    const std::string_view name = argument_name(argument);
    if (is_set_for_disk(name)) {
        throw Error(ErrorKind::invalid, concat("the kernel argument ", quoted(argument), " is reserved"))
            .hint(concat(name, "= is set for each disk and deployment"));
    }
}

// Go's names differ from those of uname -m.
std::string machine(const std::string& architecture) {
    return oci::machine_name(oci::normalized({.os = "linux", .architecture = architecture, .variant = {}}));
}

KernelArguments arguments_of(const oci::Json& table, std::string_view architecture) {
    constexpr std::size_t kMost = 4096;
    const bool is_for_some = oci::find_member(table, "match-architectures") != nullptr;
    const auto only_for = oci::optional_strings(table, "match-architectures", kMost, "kargs.d");
    const auto lines = oci::optional_strings(table, "kargs", kMost, "kargs.d");
    for (const auto& [key, value] : table.items()) {
        if (key == "kargs" || key == "match-architectures") continue;
        throw Error(ErrorKind::invalid, concat("the key ", quoted(key), " is unknown"));
    }
    KernelArguments out;
    for (const std::string& line : lines) {
        check_kargs_line(line);
        for (std::string& argument : ostree::split_kernel_options(line)) {
            check_image_argument(argument);
            out.push_back(std::move(argument));
        }
    }
    if (!is_for_some) return out;
    const std::string wanted = machine(std::string(architecture));
    const bool matches = std::any_of(only_for.begin(), only_for.end(), [&](const std::string& name) {
        return name == architecture || machine(name) == wanted;
    });
    return matches ? out : KernelArguments{};
}

}  // namespace

KernelArguments parse_kargs(std::string_view text, const std::string& name, std::string_view architecture) {
    return with_context([&] { return quoted(name); },
                        [&] { return arguments_of(oci::parse_toml(text), architecture); });
}

KernelArguments read_kargs(const ostree::Repository& repository, const ostree::CommitWalk& commit,
                           const oci::Platform& platform) {
    constexpr std::size_t kMaxFile = 1024UL * 1024;
    std::map<std::string, Sha256> files;
    for (const ostree::WalkedFile& file : commit.files) {
        for (const std::string& path : file.paths) {
            const bool is_one = path.starts_with(kKargsDirectory) && path.ends_with(kEnding) &&
                                path.find('/', kKargsDirectory.size()) == std::string::npos;
            if (is_one) files.emplace(path, file.checksum);
        }
    }
    const std::string architecture = oci::machine_name(platform);
    KernelArguments out;
    for (const auto& [path, checksum] : files) {
        const ostree::ContentObject object = ostree::open_object(repository, checksum);
        if (!object.content) throw Error(ErrorKind::invalid, concat(quoted(path), " is a symbolic link"));
        const std::string text = read_all(*object.content, kMaxFile, path);
        for (std::string& argument : parse_kargs(text, path, architecture))
            out.push_back(std::move(argument));
    }
    return out;
}

KernelArguments merge_kargs(const KernelArguments& current, const KernelArguments& before,
                            const KernelArguments& after) {
    KernelArguments out;
    for (const std::string& argument : current) {
        const bool is_gone = contains(before, argument) && !contains(after, argument);
        if (!is_gone) out.push_back(argument);
    }
    for (const std::string& argument : after) {
        if (!contains(before, argument) && !contains(out, argument)) out.push_back(argument);
    }
    return out;
}

}  // namespace osb::image
