#include "system/origin/kernel_arguments.hh"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "image/deployment/argument_rules.hh"
#include "ostree/sysroot/kernel_options.hh"

namespace osb::system {
namespace {

using Arguments = std::vector<std::string>;

struct Argument {
    std::string_view key;
    std::optional<std::string_view> value;  // nothing for "KEY"; "" for "KEY="
};

Argument split(std::string_view word) {
    const std::size_t equals = word.find('=');
    if (equals == std::string_view::npos) return {.key = word, .value = std::nullopt};
    return {.key = word.substr(0, equals), .value = word.substr(equals + 1)};
}

void refuse_end(std::string_view word) {
    if (!ostree::ends_kernel_options(word)) return;
    throw Error(ErrorKind::usage,
                concat("the kernel argument ", quoted(word),
                       " would end the kernel's arguments: those of a trial come after it"));
}

void check(std::string_view word) {
    const std::string_view key = split(word).key;
    if (key.empty()) {
        throw Error(ErrorKind::usage, concat("the kernel argument ", quoted(word), " has no name"));
    }
    if (image::is_set_for_entry(image::argument_name(word))) {
        throw Error(ErrorKind::usage,
                    concat("the kernel argument ", quoted(key), " is set by osb-oci for each boot entry"));
    }
}

// Returns the checked words of all these texts.
Arguments words_of(const std::vector<std::string>& texts) {
    Arguments out;
    for (const std::string& text : texts) {
        Arguments words = image::split_kernel_arguments(text);
        if (words.empty()) throw Error(ErrorKind::usage, "an empty kernel argument");
        for (std::string& word : words) {
            check(word);
            out.push_back(std::move(word));
        }
    }
    return out;
}

// As words_of(), for arguments that are added. A reserved argument can still be removed.
Arguments added_words_of(const std::vector<std::string>& texts) {
    Arguments out = words_of(texts);
    for (const std::string& word : out) refuse_end(word);
    return out;
}

bool has_key(const std::string& word, std::string_view key) {
    return split(word).key == key;
}

[[noreturn]] void throw_missing(std::string_view word) {
    throw Error(ErrorKind::not_found, concat("there is no kernel argument ", quoted(word)))
        .hint("'osb-oci kargs' lists them");
}

// Finds the only argument with that key.
Arguments::iterator find_only(Arguments& arguments, std::string_view key, std::string_view how_to_choose) {
    const auto with_key = [key](const std::string& word) { return has_key(word, key); };
    const auto found = std::find_if(arguments.begin(), arguments.end(), with_key);
    if (found == arguments.end()) throw_missing(key);
    if (std::find_if(found + 1, arguments.end(), with_key) != arguments.end()) {
        throw Error(ErrorKind::usage, concat("there are several kernel arguments ", quoted(key)))
            .hint(concat("use ", how_to_choose, " to choose one"));
    }
    return found;
}

void remove(Arguments& arguments, const std::string& word) {
    // A bare KEY can exist beside KEY=VALUE; it is then the one that is meant.
    const auto exact = std::find(arguments.begin(), arguments.end(), word);
    if (exact != arguments.end()) {
        arguments.erase(exact);
        return;
    }
    if (split(word).value) throw_missing(word);
    arguments.erase(find_only(arguments, word, "KEY=VALUE"));
}

// Returns true if `text` is OLD=NEW for the old value. Values may contain '=' (root=UUID=...).
bool begins_with_value(std::string_view text, std::string_view old_value) {
    return text.starts_with(old_value) && text.substr(old_value.size()).starts_with('=');
}

void replace(Arguments& arguments, const std::string& word) {
    const Argument change = split(word);
    const std::string_view text = change.value.value_or("");
    if (text.find('=') == std::string_view::npos) {
        *find_only(arguments, change.key, "KEY=OLD=NEW") = word;
        return;
    }
    std::string* found = nullptr;
    std::size_t longest = 0;
    for (std::string& argument : arguments) {
        const Argument old = split(argument);
        if (old.key != change.key || !begins_with_value(text, old.value.value_or(""))) continue;
        if (found != nullptr && old.value.value_or("").size() <= longest) continue;
        found = &argument;
        longest = old.value.value_or("").size();
    }
    if (found == nullptr) throw_missing(concat(change.key, '=', text.substr(0, text.find('='))));
    *found = concat(change.key, '=', text.substr(longest + 1));
}

}  // namespace

Arguments edit_kernel_arguments(Arguments arguments, const KernelArgumentEdits& edits) {
    for (const std::string& word : words_of(edits.remove)) remove(arguments, word);
    for (const std::string& word : added_words_of(edits.replace)) replace(arguments, word);
    for (std::string& word : added_words_of(edits.append)) arguments.push_back(std::move(word));
    for (std::string& word : added_words_of(edits.append_if_missing)) {
        if (std::find(arguments.begin(), arguments.end(), word) == arguments.end()) {
            arguments.push_back(std::move(word));
        }
    }
    return arguments;
}

}  // namespace osb::system
