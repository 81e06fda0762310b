// The protocol of docker's credential helpers: server name on standard input, JSON on standard output.
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <nlohmann/json.hpp>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/fd.hh"
#include "base/interrupt.hh"
#include "base/pipe.hh"
#include "base/secret.hh"
#include "base/subprocess.hh"
#include "oci/documents/json.hh"
#include "oci/documents/json_members.hh"
#include "registry/auth/credentials.hh"

namespace osb::registry {
namespace {

using oci::Json;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kMaxOutput = 64UL * 1024;
constexpr std::size_t kMaxServer = 1024;  // smaller than any pipe buffer
constexpr std::chrono::seconds kPatience{60};
constexpr int kHelperPollMilliseconds = 100;
constexpr std::string_view kProgramPrefix = "docker-credential-";

// The shell connects the pipes to standard input and output of the helper.
std::vector<std::string> helper_command(const std::string& program) {
    return {"/bin/sh", "-c", "exec \"$0\" get <&3 >&4 3<&- 4>&-", program};
}

bool is_helper_name(std::string_view name) {
    return !name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
               c == '-';
    });
}

std::string read_output(const Fd& reader, const std::string& program) {
    const Clock::time_point end = Clock::now() + kPatience;
    std::string out;
    std::array<char, 4096> buffer{};
    for (;;) {
        check_interrupt();
        if (Clock::now() > end) throw Error(ErrorKind::io, concat(quoted(program), " does not answer"));
        pollfd state{.fd = reader.get(), .events = POLLIN, .revents = 0};
        if (::poll(&state, 1, kHelperPollMilliseconds) <= 0) continue;
        const ssize_t n = ::read(reader.get(), buffer.data(), buffer.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) throw_errno(quoted(program));
        if (n == 0) return out;
        out.append(buffer.data(), static_cast<std::size_t>(n));
        if (out.size() > kMaxOutput)
            throw Error(ErrorKind::too_large, concat(quoted(program), " prints too much"));
    }
}

// Docker's helpers print the reason of a failure on standard output.
bool is_no_entry(std::string_view output) {
    return output.find("credentials not found") != std::string_view::npos ||
           output.find("no credentials server URL") != std::string_view::npos;
}

Credentials parse_output(const std::string& output, const std::string& program) {
    std::optional<Json> reply;
    try {
        reply = oci::parse_json(output, program);
    } catch (const Error&) {
        // The parser's message may contain the input, which is secret here.
    }
    const auto text = [&](const char* key) {
        if (!reply) throw Error(ErrorKind::invalid, concat(quoted(program), " prints malformed JSON"));
        return oci::required_string(*reply, key, concat("the answer of ", quoted(program)));
    };
    Credentials out{.user = text("Username"), .password = text("Secret"), .identity_token = {}};
    if (out.user == "<token>") {
        out.identity_token = std::move(out.password);
        out.user.clear();
        out.password.clear();
    }
    return out;
}

}  // namespace

bool is_credential_helper(const std::vector<std::string>& argv) {
    return !argv.empty() && argv.back().starts_with(kProgramPrefix) &&
           is_helper_name(std::string_view(argv.back()).substr(kProgramPrefix.size())) &&
           argv == helper_command(argv.back());
}

std::optional<Credentials> ask_credential_helper(const std::string& name, const std::string& server) {
    if (!is_helper_name(name)) {
        throw Error(ErrorKind::invalid, concat("not the name of a credential helper: ", quoted(name)));
    }
    const std::string program = concat(kProgramPrefix, name);
    if (server.size() > kMaxServer) throw Error(ErrorKind::invalid, "the name of a server is too long");
    forbid_core_dumps();
    Pipe input = make_pipe();
    Pipe output = make_pipe();
    write_all(input.writer.get(), as_bytes(server), program);
    input.writer.close();
    Subprocess process({.argv = helper_command(program),
                        .environment = {},
                        .inherited = {{input.reader.get(), 3}, {output.writer.get(), 4}}});
    input.reader.close();
    output.writer.close();
    const std::string reply = read_output(output.reader, program);
    const std::optional<ExitState> state = process.wait_for(kPatience);
    if (state && state->ok()) return parse_output(reply, program);
    if (is_no_entry(reply)) return std::nullopt;
    // Exit statuses of the shell: not found, not executable.
    if (state && !state->signalled && (state->value == 127 || state->value == 126)) {
        throw Error(ErrorKind::not_found, concat("there is no credential helper ", quoted(program)))
            .hint("install it, or remove it from the authentication file");
    }
    throw Error(ErrorKind::io, concat("credential helper ", quoted(program), " failed: ",
                                      state ? state->to_string() : std::string("it does not end")));
}

}  // namespace osb::registry
