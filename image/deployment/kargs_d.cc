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

// How often each argument occurs.
using Copies = std::map<std::string, std::size_t>;

// The copies of each argument that `more` has beyond those of `less`.
Copies copies_beyond(const KernelArguments& more, const KernelArguments& less) {
    Copies out;
    for (const std::string& argument : more) ++out[argument];
    for (const std::string& argument : less) {
        const auto found = out.find(argument);
        if (found != out.end() && found->second > 0) --found->second;
    }
    return out;
}

// Returns false if there is no copy left.
bool take_copy(Copies& copies, const std::string& argument) {
    const auto found = copies.find(argument);
    if (found == copies.end() || found->second == 0) return false;
    --found->second;
    return true;
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
    Copies dropped = copies_beyond(before, after);
    for (const std::string& argument : current) {
        if (!take_copy(dropped, argument)) out.push_back(argument);
    }
    Copies added = copies_beyond(after, before);
    for (const std::string& argument : after) {
        // Beside the machine's own, so that neither this change nor its end alters the order of the others.
        if (take_copy(added, argument)) out.insert(std::find(out.begin(), out.end(), argument), argument);
    }
    return out;
}

}  // namespace osb::image
