// Files with the credentials of registries. Text that begins with 'd' and a line end is in the form of
// ~/.dockercfg.
#include <sys/stat.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>

#include "base/base64.hh"
#include "base/log.hh"
#include "oci/documents/json_text.hh"
#include "registry/auth/credentials.hh"
#include "tests/fuzz/fuzz_support.hh"
#include "tests/support/temp_directory.hh"

namespace {

using namespace osb;
using fuzz::require;
using registry::Credentials;
using registry::CredentialStore;

constexpr const char* kHost = "registry.example:5000";

std::string put(const std::string& name, std::string_view text) {
    static const test::TempDirectory directory;
    const std::string path = directory / name;
    std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
    require(::chmod(path.c_str(), 0600) == 0);
    return path;
}

std::string to_json(const Credentials& credentials) {
    std::string out = concat(R"({"auths":{")", kHost, R"(":{)");
    if (!credentials.user.empty()) {
        out += concat(R"("auth":")", encode_base64(concat(credentials.user, ':', credentials.password)), '"');
    }
    if (!credentials.identity_token.empty()) {
        out += credentials.user.empty() ? R"("identitytoken":)" : R"(,"identitytoken":)";
        oci::append_json_string(out, credentials.identity_token);
    }
    if (!credentials.registry_token.empty()) {
        out += out.ends_with('{') ? R"("registrytoken":)" : R"(,"registrytoken":)";
        oci::append_json_string(out, credentials.registry_token);
    }
    return out + "}}}";
}

void check(const std::string& path, const std::string& host, const std::string& repository) {
    CredentialStore store({.chosen = path, .usual = {}});
    const std::optional<Credentials> found = store.lookup(host, repository);
    if (!found) return;
    require(!found->user.empty() || !found->identity_token.empty() || !found->registry_token.empty());
    require(found->user.find(':') == std::string::npos);
    CredentialStore again({.chosen = put("again.json", to_json(*found)), .usual = {}});
    require(again.lookup(kHost, repository) == found);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view text = as_text({data, size});
    // Helpers are somebody else's programs.
    if (text.find("cred") != std::string_view::npos || text.find('\\') != std::string_view::npos) return 0;
    set_log_sink([](LogLevel, const std::string& line) { require(fuzz::is_printable(line)); });
    const bool is_legacy = text.starts_with("d\n");
    if (is_legacy) text.remove_prefix(2);
    fuzz::accepts([&] {
        const std::string path = put(is_legacy ? ".dockercfg" : "auth.json", text);
        check(path, kHost, "a/b");
        check(path, kHost, "");
        check(path, "docker.io", "library/x");
    });
    return 0;
}
