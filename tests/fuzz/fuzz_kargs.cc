// Kernel arguments: usr/lib/bootc/kargs.d/*.toml of images, and the command lines that they become part of.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/escape.hh"
#include "image/deployment/argument_rules.hh"
#include "image/deployment/kargs_d.hh"
#include "oci/documents/json_text.hh"
#include "ostree/sysroot/kernel_options.hh"
#include "system/origin/kernel_arguments.hh"
#include "tests/fuzz/fuzz_support.hh"

namespace {

using namespace osb;
using fuzz::accepts;
using fuzz::require;
using image::KernelArguments;

std::string joined(const KernelArguments& arguments) {
    std::string out;
    for (const std::string& argument : arguments) out += (out.empty() ? "" : " ") + argument;
    return out;
}

// Words that a command line can hold, and that leave the choice of the system to us.
void check_arguments(const KernelArguments& arguments) {
    for (const std::string& argument : arguments) {
        require(!argument.empty() && fuzz::is_printable(argument));
        require(!ostree::ends_kernel_options(argument));
        for (const std::string_view ours : {"root=", "boot=", "ostree=", "osb.trial="})
            require(!argument.starts_with(ours));
    }
    require(ostree::split_kernel_options(joined(arguments)) == arguments);
}

std::string to_toml(const KernelArguments& arguments) {
    std::string out = "kargs = [";
    for (const std::string& argument : arguments) {
        oci::append_json_string(out, argument);  // of text without control characters TOML says the same
        out += ',';
    }
    return out + "]\n";
}

void check_merge(const KernelArguments& arguments) {
    const KernelArguments own{"root=UUID=1", "quiet"};
    require(image::merge_kargs(own, {}, {}) == own);
    require(image::merge_kargs(arguments, arguments, arguments) == arguments);
    require(image::merge_kargs(arguments, arguments, {}).empty());
}

// What the verb `kargs` does with a line that a user gives, or that a boot entry has.
void check_line(std::string_view line) {
    const KernelArguments words = ostree::split_kernel_options(line);
    for (const std::string& word : words) require(!word.empty());
    accepts([&] {
        const KernelArguments strict = image::split_kernel_arguments(line);
        require(strict == words);
        const KernelArguments appended =
            system::edit_kernel_arguments({"quiet"}, {.append = {std::string(line)}});
        require(appended.size() == 1 + words.size());
    });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = as_text({data, size});
    check_line(text.substr(0, text.find('\n')));
    accepts([&] {
        const KernelArguments arguments = image::parse_kargs(text, "x.toml", "x86_64");
        check_arguments(arguments);
        check_merge(arguments);
        require(image::parse_kargs(to_toml(arguments), "x.toml", "riscv64") == arguments);
        const KernelArguments elsewhere = image::parse_kargs(text, "x.toml", "aarch64");
        require(elsewhere.empty() || arguments.empty() || elsewhere == arguments);
    });
    return 0;
}
