// The server's side of the image proxy's protocol, spoken by hand, for tests.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "registry/skopeo/skopeo_proxy.hh"

namespace osb::registry {

using oci::Json;

struct Ends {
    Fd first;
    Fd second;
};

inline Ends make_pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw_errno("pipe2");
    return {.first = Fd(ends[0]), .second = Fd(ends[1])};
}

inline Ends make_sockets() {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) throw_errno("socketpair");
    return {.first = Fd(ends[0]), .second = Fd(ends[1])};
}

// The server's end of the socket, spoken to by hand.
class Server {
  public:
    explicit Server(Fd socket) : socket_(std::move(socket)) {}

    // The next request; null when the client has gone.
    Json request() const {
        std::string text(64UL * 1024, '\0');
        const ssize_t n = ::recv(socket_.get(), text.data(), text.size(), 0);
        if (n <= 0) return nullptr;
        text.resize(static_cast<std::size_t>(n));
        return Json::parse(text);
    }

    void send(const std::string& text, const std::vector<int>& descriptors = {}) const {
        std::vector<char> control(CMSG_SPACE(sizeof(int) * std::max<std::size_t>(1, descriptors.size())));
        iovec part{.iov_base = const_cast<char*>(text.data()), .iov_len = text.size()};
        msghdr message{};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        if (!descriptors.empty()) {
            message.msg_control = control.data();
            message.msg_controllen = control.size();
            cmsghdr* header = CMSG_FIRSTHDR(&message);
            header->cmsg_level = SOL_SOCKET;
            header->cmsg_type = SCM_RIGHTS;
            header->cmsg_len = CMSG_LEN(sizeof(int) * descriptors.size());
            std::memcpy(CMSG_DATA(header), descriptors.data(), sizeof(int) * descriptors.size());
        }
        ::sendmsg(socket_.get(), &message, MSG_NOSIGNAL);
    }

    // A request of this method, answered with this value.
    void answer(const std::string& method, const Json& value) const {
        const Json got = request();
        if (!got.is_object() || got["method"] != method) {
            ADD_FAILURE() << "expected " << method << ", got " << got.dump();
        }
        send(success(value));
    }

    static std::string success(const Json& value, int pipe_id = 0) {
        return Json{{"success", true}, {"value", value}, {"pipeid", pipe_id}, {"error", ""}}.dump();
    }
    static std::string failure(const std::string& error) {
        return Json{{"success", false}, {"value", nullptr}, {"pipeid", 0}, {"error", error}}.dump();
    }

    // What every session begins with.
    void open(const std::string& version = "0.2.3") const {
        answer("Initialize", version);
        answer(version == "0.2.3" ? "OpenImage" : "OpenImageOptional", 1);
    }

    // Answers a request with a pipe that holds `data`; then the FinishPipe with `verdict`.
    void serve(const Json& value, const std::string& data, const std::string& verdict) const {
        request();
        Ends pipe = make_pipe();
        send(success(value, 9), {pipe.first.get()});
        pipe.first.close();
        ::signal(SIGPIPE, SIG_IGN);
        if (!data.empty()) (void)!::write(pipe.second.get(), data.data(), data.size());
        const Json finish = request();
        EXPECT_EQ(finish["method"], "FinishPipe");
        EXPECT_EQ(finish["args"], Json::array({9}));
        pipe.second.close();
        send(verdict);
    }

    void hang_up() { socket_.close(); }

  private:
    Fd socket_;
};

// A server that follows a script in a thread, and a client that speaks to it.
class FakeProxy {
  public:
    explicit FakeProxy(std::function<void(Server&)> script) {
        Ends sockets = make_sockets();
        proxy_ = std::make_unique<SkopeoProxy>(std::move(sockets.first));
        thread_ = std::thread([script = std::move(script), fd = sockets.second.release()] {
            Server server{Fd(fd)};
            script(server);
        });
    }
    FakeProxy(const FakeProxy&) = delete;
    FakeProxy& operator=(const FakeProxy&) = delete;
    ~FakeProxy() {
        proxy_.reset();
        thread_.join();
    }

    SkopeoProxy* operator->() const { return proxy_.get(); }
    void open() const {
        proxy_->initialize();
        proxy_->open_image("containers-storage:x", ErrorKind::unavailable);
    }
    std::string read_blob() const {
        std::string out;
        std::array<std::uint8_t, 7> buffer{};
        while (const std::size_t n = proxy_->read_blob(buffer)) out += as_text(MutableBytes(buffer).first(n));
        return out;
    }

  private:
    std::unique_ptr<SkopeoProxy> proxy_;
    std::thread thread_;
};

}  // namespace osb::registry
