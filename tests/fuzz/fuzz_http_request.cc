// What an HTTP client may send to the server of `push ssh://`: the parser of a request's head, then the
// server itself over its socket. '@' in the input stands for the server's secret prefix.
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>

#include "base/progress.hh"
#include "ostree/push/archive_server.hh"
#include "ostree/push/http_request.hh"
#include "tests/fuzz/fuzz_support.hh"
#include "tests/support/golden_commit.hh"
#include "tests/support/temp_directory.hh"

namespace {

using namespace osb;
using fuzz::require;

constexpr std::string_view kEnd = "\r\n\r\n";
constexpr std::size_t kMaxInput = 8192;  // below the bound at which the server hangs up without a word

// What was taken is one head and nothing else, and means the same when it is written again.
void check_parser(std::string_view head) {
    const std::optional<ostree::HttpRequest> request = ostree::parse_request(head);
    if (!request) return;
    require(head.find(kEnd) == head.size() - kEnd.size());
    require(head.starts_with(concat(request->method, ' ', request->target, " HTTP/1.1\r\n")));
    require(fuzz::is_printable(request->method) && fuzz::is_printable(request->target));
    require(request->target.starts_with('/') && request->target.find(' ') == std::string::npos);
    const std::string again = concat(request->method, ' ', request->target, " HTTP/1.1\r\n",
                                     request->keep_alive ? "" : "Connection: close\r\n",
                                     request->has_body ? "Content-Length: 1\r\n" : "", "\r\n");
    const std::optional<ostree::HttpRequest> second = ostree::parse_request(again);
    require(second && second->method == request->method && second->target == request->target);
    require(second->keep_alive == request->keep_alive && second->has_body == request->has_body);
}

// A server with a commit to offer, for the life of the process.
struct Harness {
    test::TempDirectory directory;
    test::GoldenCommits commits = test::make_golden_repository(directory / "repo");
    ostree::Repository repository = ostree::Repository::open(directory / "repo");
    ostree::ArchiveOffer offer{repository};
    NoProgress progress;
    ostree::ArchiveServer server{offer, directory / "socket", progress};

    Harness() { server.offer("golden", commits.second, false); }
};

Harness& harness() {
    static Harness instance;
    return instance;
}

std::string exchange(std::string_view sent) {
    const Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const std::string& path = harness().server.socket_path();
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    require(::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    while (!sent.empty()) {
        const ssize_t n = ::send(socket.get(), sent.data(), sent.size(), MSG_NOSIGNAL);
        if (n <= 0) break;  // the server has heard enough
        sent.remove_prefix(static_cast<std::size_t>(n));
    }
    ::shutdown(socket.get(), SHUT_WR);
    std::string out;
    std::array<char, 65536> piece{};
    for (;;) {
        const ssize_t n = ::recv(socket.get(), piece.data(), piece.size(), 0);
        if (n <= 0) return out;
        out.append(piece.data(), static_cast<std::size_t>(n));
    }
}

// Takes a response from the front of what came. True when the connection ends with it.
bool take_response(std::string_view& got, const std::optional<ostree::HttpRequest>& request) {
    const std::size_t end = got.find(kEnd);
    require(end != std::string_view::npos);
    const std::string_view head = got.substr(0, end + kEnd.size());
    got.remove_prefix(head.size());
    const std::string_view status = head.substr(0, head.find("\r\n"));
    const bool is_bad = !request || request->has_body;
    require(status == (is_bad ? "HTTP/1.1 400 Bad Request" : "HTTP/1.1 200 OK") ||
            (!is_bad && status == "HTTP/1.1 404 Not Found"));
    constexpr std::string_view kLength = "Content-Length: ";
    const std::size_t at = head.find(kLength);
    require(at != std::string_view::npos);  // chunked is for other repositories
    std::size_t length = 0;
    std::from_chars(head.data() + at + kLength.size(), head.data() + head.size(), length);
    if (request && request->method == "HEAD") length = 0;
    require(length <= got.size());
    got.remove_prefix(length);
    return head.find("Connection: close") != std::string_view::npos || !request || !request->keep_alive;
}

// One response to each request, until one of them ends the connection.
void check_server(std::string_view sent) {
    const std::string answers = exchange(sent);
    harness().server.rethrow_failure();
    std::string_view got = answers;
    for (;;) {
        const std::size_t end = sent.find(kEnd);
        if (end == std::string_view::npos) break;
        const auto request = ostree::parse_request(sent.substr(0, end + kEnd.size()));
        sent.remove_prefix(end + kEnd.size());
        if (take_response(got, request)) break;
    }
    require(got.empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = as_text({data, size});
    check_parser(text);
    std::string sent;
    for (const char c : text) {
        if (c == '@') {
            sent += harness().server.prefix();
        } else {
            sent += c;
        }
    }
    if (sent.size() <= kMaxInput) check_server(sent);
    return 0;
}
