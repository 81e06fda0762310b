#include "cli/options/key_files.hh"

#include <optional>

#include "base/base64.hh"
#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "registry/auth/small_file.hh"

namespace osb::cli {
namespace {

constexpr std::size_t kMaxKeyFile = 1024UL * 1024;

std::string read_key_file(const std::string& path) {
    const std::optional<std::string> text = registry::read_small_file(path, kMaxKeyFile);
    if (!text) throw Error(ErrorKind::not_found, concat("there is no file ", osb::quoted(path)));
    return *text;
}

std::string read_passphrase(const std::string& path) {
    if (path.empty()) return {};
    const std::string text = read_key_file(path);
    return text.substr(0, text.find_first_of("\r\n"));
}

}  // namespace

registry::PrivateKey read_private_key(const std::string& file, const std::string& passphrase_file) {
    return registry::PrivateKey::parse(read_key_file(file), read_passphrase(passphrase_file),
                                       concat("key ", osb::quoted(file)));
}

registry::PrivateKey read_commit_key(const std::string& file, const std::string& passphrase_file) {
    const std::string text = read_key_file(file);
    const std::string what = concat("key ", osb::quoted(file));
    if (text.find("-----BEGIN ") != std::string::npos)
        return registry::PrivateKey::parse(text, read_passphrase(passphrase_file), what);
    const std::size_t end = text.find_last_not_of(" \t\r\n");
    const std::optional<std::string> key = decode_base64(text.substr(0, end + 1));
    if (!key) throw Error(ErrorKind::invalid, concat(what, " is neither a key in PEM nor one in Base64"));
    return registry::PrivateKey::from_ed25519(*key, what);
}

registry::PublicKey read_public_key(const std::string& file) {
    return registry::PublicKey::parse(read_key_file(file), concat("key ", osb::quoted(file)));
}

}  // namespace osb::cli
