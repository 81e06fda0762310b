#include "ostree/objects/ed25519_key_list.hh"

#include <optional>

#include "base/base64.hh"
#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "registry/auth/small_file.hh"

namespace osb::ostree {
namespace {

constexpr std::size_t kKeySize = 32;
constexpr std::size_t kMaxList = 1024UL * 1024;

std::string_view trim(std::string_view text) {
    constexpr std::string_view kSpace = " \t\r";
    const std::size_t begin = text.find_first_not_of(kSpace);
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(kSpace) + 1 - begin);
}

// A file that does not exist has no keys.
void add_file(Ed25519Keys& out, const std::string& path) {
    const std::optional<std::string> text = registry::read_small_file(path, kMaxList);
    if (text) out.merge(parse_ed25519_keys(*text, quoted(path)));
}

}  // namespace

Ed25519Keys parse_ed25519_keys(std::string_view text, const std::string& what) {
    Ed25519Keys out;
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        const std::string_view line = trim(text.substr(0, end));
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        if (line.empty() || line.front() == '#') continue;
        const std::optional<std::string> key = decode_base64(line);
        if (!key || key->size() != kKeySize) {
            throw Error(ErrorKind::invalid, concat(what, ": ", quoted(line.substr(0, 80)),
                                                   " is not an Ed25519 public key in Base64"));
        }
        out.insert(*key);
    }
    return out;
}

Ed25519Keys read_ed25519_keys(const std::string& path) {
    const std::optional<std::string> text = registry::read_small_file(path, kMaxList);
    if (!text) throw Error(ErrorKind::not_found, concat("there is no file ", quoted(path)));
    Ed25519Keys out = parse_ed25519_keys(*text, quoted(path));
    if (out.empty()) throw Error(ErrorKind::invalid, concat(quoted(path), " does not contain a key"));
    return out;
}

std::vector<std::string> ed25519_key_directories() {
    return {"/etc/ostree", "/usr/share/ostree"};
}

Ed25519Keys read_ed25519_key_directories(const std::vector<std::string>& directories,
                                         const std::string& name) {
    Ed25519Keys out;
    for (const std::string& directory : directories) {
        const std::string path = concat(directory, '/', name);
        add_file(out, path);
        for (const std::string& entry : registry::list_files(path + ".d"))
            add_file(out, concat(path, ".d/", entry));
    }
    return out;
}

}  // namespace osb::ostree
