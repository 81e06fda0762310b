// The sockets of the fake registry.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <stdexcept>

#include "base/bytes.hh"
#include "registry/http/http_head.hh"
#include "tests/support/fake_registry.hh"

namespace osb::test {
namespace {

std::string percent_decode(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        unsigned value = 0;
        if (text[i] == '%' && i + 2 < text.size()) {
            std::from_chars(text.data() + i + 1, text.data() + i + 3, value, 16);
            out += static_cast<char>(value);
            i += 2;
        } else {
            out += text[i] == '+' ? ' ' : text[i];
        }
    }
    return out;
}

void parse_target(FakeRequest& request) {
    const std::size_t question = request.target.find('?');
    request.path = percent_decode(request.target.substr(0, question));
    if (question == std::string::npos) return;
    std::string_view query = std::string_view(request.target).substr(question + 1);
    while (!query.empty()) {
        const std::size_t end = std::min(query.find('&'), query.size());
        const std::string_view pair = query.substr(0, end);
        const std::size_t equals = std::min(pair.find('='), pair.size());
        request.query.emplace(percent_decode(pair.substr(0, equals)),
                              equals < pair.size() ? percent_decode(pair.substr(equals + 1)) : "");
        query.remove_prefix(std::min(end + 1, query.size()));
    }
}

void parse_head(std::string_view head, FakeRequest& request) {
    const std::string_view line = head.substr(0, head.find("\r\n"));
    const std::size_t space = line.find(' ');
    request.method = line.substr(0, space);
    request.target = line.substr(space + 1, line.rfind(' ') - space - 1);
    parse_target(request);
    head.remove_prefix(std::min(line.size() + 2, head.size()));
    while (!head.empty()) {
        const std::string_view header = head.substr(0, head.find("\r\n"));
        const std::size_t colon = std::min(header.find(':'), header.size());
        request.headers[registry::to_lower(header.substr(0, colon))] =
            registry::trim(header.substr(std::min(colon + 1, header.size())));
        head.remove_prefix(std::min(header.size() + 2, head.size()));
    }
}

bool send_all(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t n = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (n <= 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
}

bool receive(int fd, std::string& buffer) {
    char bytes[16384];
    const ssize_t n = ::recv(fd, bytes, sizeof bytes, 0);
    if (n <= 0) return false;
    buffer.append(bytes, static_cast<std::size_t>(n));
    return true;
}

// Closing then sends RST.
void arm_reset(int fd) {
    const linger now{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

std::string head_of(const FakeRequest& request, const FakeResponse& response) {
    std::string out = concat("HTTP/1.1 ", response.status, " Fake\r\n");
    for (const auto& [name, value] : response.headers) out += concat(name, ": ", value, "\r\n");
    if (response.chunked) {
        out += "Transfer-Encoding: chunked\r\n";
    } else if (response.length) {
        if (!response.length->empty()) out += "Content-Length: " + *response.length + "\r\n";
    } else if (response.status != 204) {
        out += concat("Content-Length: ", response.body.size(), "\r\n");
    }
    static_cast<void>(request);
    return out + (response.close ? "Connection: close\r\n\r\n" : "\r\n");
}

}  // namespace

FakeRegistry::FakeRegistry() {
    listen();
}

void FakeRegistry::listen() {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port_);  // 0 for any, the first time
    socklen_t length = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    const int on = 1;
    ::setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (listener_ < 0 || ::bind(listener_, generic, length) != 0 || ::listen(listener_, 64) != 0 ||
        ::getsockname(listener_, generic, &length) != 0) {
        throw std::runtime_error("cannot listen on the loopback address");
    }
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread([this] { accept_loop(); });
}

FakeRegistry::~FakeRegistry() {
    stop();
}

void FakeRegistry::stop() {
    {
        const std::lock_guard guard(mutex_);
        stop_ = true;
    }
    stopping_.notify_all();
    stop_listening();
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
}

void FakeRegistry::stop_listening() {
    {
        const std::lock_guard guard(mutex_);
        for (const int fd : connections_) ::shutdown(fd, SHUT_RDWR);
    }
    if (listener_ < 0) return;
    ::shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    ::close(listener_);
    listener_ = -1;
}

void FakeRegistry::listen_again() {
    if (listener_ < 0) listen();
}

std::string FakeRegistry::host() const {
    return concat("127.0.0.1:", port_);
}

void FakeRegistry::accept_loop() {
    for (;;) {
        const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        const std::lock_guard guard(mutex_);
        if (fd < 0 || stop_) {
            if (fd >= 0) ::close(fd);
            return;
        }
        if (reset_connections > 0) {
            --reset_connections;
            arm_reset(fd);
            ::close(fd);
            continue;
        }
        const int on = 1;
        ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        connections_.insert(fd);
        threads_.emplace_back([this, fd] { serve(fd); });
    }
}

bool FakeRegistry::sleep(std::chrono::milliseconds time) {
    std::unique_lock lock(mutex_);
    return !stopping_.wait_for(lock, time, [this] { return stop_; });
}

void FakeRegistry::serve(int fd) {
    std::string buffer;
    for (;;) {
        FakeRequest request;
        if (!read_request(fd, buffer, request)) break;
        std::optional<FakeResponse> response;
        {
            const std::lock_guard guard(mutex_);
            requests_.push_back(request);
        }
        if (before) response = before(request);
        if (!response) {
            const std::lock_guard guard(mutex_);
            response = answer(request);
        }
        if (after) after(request, *response);
        if (!send_response(fd, request, *response)) break;
    }
    const std::lock_guard guard(mutex_);
    connections_.erase(fd);
    ::close(fd);
}

bool FakeRegistry::read_request(int fd, std::string& buffer, FakeRequest& request) {
    std::size_t end = std::string::npos;
    while ((end = buffer.find("\r\n\r\n")) == std::string::npos) {
        if (!receive(fd, buffer)) return false;
        if (buffer.front() == 0x16) return false;  // a TLS handshake, which is not spoken here
    }
    parse_head(std::string_view(buffer).substr(0, end), request);
    buffer.erase(0, end + 4);
    const std::size_t length =
        static_cast<std::size_t>(registry::parse_number(request.header("content-length")).value_or(0));
    while (buffer.size() < length) {
        if (!receive(fd, buffer)) return false;
    }
    request.body = buffer.substr(0, length);
    buffer.erase(0, length);
    return true;
}

bool FakeRegistry::send_response(int fd, const FakeRequest& request, const FakeResponse& response) {
    if (response.wait.count() > 0 && !sleep(response.wait)) return false;
    if (response.drop) {
        if (response.reset) arm_reset(fd);
        return false;
    }
    if (response.raw) {
        send_all(fd, *response.raw);
        return false;
    }
    if (!send_all(fd, head_of(request, response))) return false;
    if (response.stall.count() > 0 && !sleep(response.stall)) return false;
    if (request.method == "HEAD" || response.status == 204) return !response.close;
    std::string_view body = response.body;
    const bool cut = response.cut_after && *response.cut_after < body.size();
    if (cut) body = body.substr(0, *response.cut_after);
    const std::size_t step =
        response.slow_step > 0 ? response.slow_step : std::max<std::size_t>(body.size(), 1);
    while (!body.empty()) {
        const std::string_view part = body.substr(0, step);
        char size[24];
        const auto size_end = std::to_chars(size, size + sizeof size, part.size(), 16);
        const std::string frame = response.chunked
                                      ? concat(std::string(size, size_end.ptr), "\r\n", part, "\r\n")
                                      : std::string(part);
        if (!send_all(fd, frame)) return false;
        bytes_sent_ += part.size();
        body.remove_prefix(part.size());
        if (response.slow_wait.count() > 0 && !sleep(response.slow_wait)) return false;
    }
    if (cut) {
        // RST discards what the other end has not read yet: a moment to read it.
        if (response.reset && sleep(std::chrono::milliseconds(5))) arm_reset(fd);
        return false;
    }
    if (response.chunked) return send_all(fd, "0\r\n\r\n");
    return !response.close && !response.length;
}

}  // namespace osb::test
