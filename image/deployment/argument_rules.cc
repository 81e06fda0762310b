#include "image/deployment/argument_rules.hh"

#include <algorithm>
#include <array>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "ostree/sysroot/kernel_options.hh"

namespace osb::image {
namespace {

constexpr std::array<std::string_view, 3> kOfEntry{"ostree", "osb.trial", "initrd"};
constexpr std::array<std::string_view, 2> kOfDisk{"root", "boot"};

}  // namespace

std::vector<std::string> split_kernel_arguments(std::string_view text) {
    constexpr char kDelete = '\x7f';
    const auto is_control = [](char c) {
        return (static_cast<unsigned char>(c) < ' ' && c != '\t' && c != '\n') || c == kDelete;
    };
    if (std::any_of(text.begin(), text.end(), is_control)) {
        throw Error(ErrorKind::usage, concat("control character in the kernel arguments ", quoted(text)));
    }
    if (std::count(text.begin(), text.end(), '"') % 2 != 0) {
        throw Error(ErrorKind::usage,
                    concat("the quotes in the kernel arguments ", quoted(text), " are not closed"));
    }
    if (!is_utf8(text)) {
        throw Error(ErrorKind::usage, concat("the kernel arguments ", quoted(text), " are not UTF-8"));
    }
    return ostree::split_kernel_options(text);
}

std::string_view argument_name(std::string_view word) {
    if (word.starts_with('"')) word.remove_prefix(1);
    return word.substr(0, word.find('='));
}

bool sets_argument(const std::vector<std::string>& texts, std::string_view name) {
    return std::any_of(texts.begin(), texts.end(), [&](const std::string& text) {
        const std::vector<std::string> words = ostree::split_kernel_options(text);
        return std::any_of(words.begin(), words.end(), [&](const std::string& word) {
            return argument_name(word) == name && word.find('=') != std::string::npos;
        });
    });
}

bool is_set_for_entry(std::string_view name) {
    return std::find(kOfEntry.begin(), kOfEntry.end(), name) != kOfEntry.end();
}

bool is_set_for_disk(std::string_view name) {
    return is_set_for_entry(name) || std::find(kOfDisk.begin(), kOfDisk.end(), name) != kOfDisk.end();
}

}  // namespace osb::image
