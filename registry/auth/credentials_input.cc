#include "registry/auth/credentials_input.hh"

#include <fcntl.h>
#include <sys/stat.h>

#include <utility>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/log.hh"
#include "base/secret.hh"

namespace osb::registry {
namespace {

std::string read_secret(Fd input, const std::string& name) {
    forbid_core_dumps();
    FdSource source(std::move(input), name);
    std::string out = read_all(source, kMaxPassword, name);
    while (out.ends_with('\n') || out.ends_with('\r')) out.pop_back();
    return out;
}

}  // namespace

Credentials read_credentials_file(const std::string& path) {
    Fd file = open_at(AT_FDCWD, path, O_RDONLY);
    struct stat status {};
    if (::fstat(file.get(), &status) != 0) throw_errno(quoted(path));
    if (S_ISREG(status.st_mode) && (status.st_mode & 077U) != 0) {
        log_warning(concat(quoted(path), " contains a password, and other users can read it"));
    }
    const std::string text = read_secret(std::move(file), path);
    return with_context([&] { return quoted(path); }, [&] { return Credentials::parse(text); });
}

Credentials read_password(const std::string& user, Fd input) {
    Credentials out{
        .user = user, .password = read_secret(std::move(input), "the password"), .identity_token = {}};
    if (out.password.empty()) throw Error(ErrorKind::usage, "standard input does not contain a password");
    keep_secret(out.password);
    return out;
}

}  // namespace osb::registry
