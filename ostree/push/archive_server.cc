#include "ostree/push/archive_server.hh"

#include <fcntl.h>
#include <poll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <utility>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/random.hh"
#include "oci/codec/deflater.hh"

namespace osb::ostree {
namespace {

constexpr std::size_t kMaxConnections = 64;  // libostree makes up to eight
constexpr int kBacklog = 32;
constexpr std::size_t kPiece = 256UL * 1024;  // of a file that is compressed, in bytes

// A client that went away: no failure of ours.
struct Disconnected {};

Fd listen_at(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path)
        throw Error(ErrorKind::internal, concat("the path of a socket is too long: ", quoted(path)));
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    // The cast is what the interface of sockets asks for.
    const auto* const generic = reinterpret_cast<const sockaddr*>(&address);  // NOLINT
    if (!fd || ::bind(fd.get(), generic, sizeof address) != 0 || ::listen(fd.get(), kBacklog) != 0)
        throw_errno(concat("cannot serve at ", quoted(path)));
    return fd;
}

bool is_own_process(int socket) {
    ucred peer{};
    socklen_t size = sizeof peer;
    return ::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == ::geteuid();
}

// sendfile() has no flag for it: a client that went away would end the process.
void ignore_broken_pipes() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    if (const int error = ::pthread_sigmask(SIG_BLOCK, &set, nullptr); error != 0)
        throw errno_error(error, "cannot block a signal");
}

// Takes as long whatever is wrong.
bool equal_in_constant_time(std::string_view a, std::string_view b) {
    if (a.size() != b.size()) return false;
    unsigned difference = 0;
    for (std::size_t i = 0; i < a.size(); ++i)
        difference |=
            static_cast<unsigned char>(a[i]) ^ static_cast<unsigned>(static_cast<unsigned char>(b[i]));
    return difference == 0;
}

std::string chunk_head(std::size_t size) {
    std::array<char, 20> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), size, 16);
    return concat(std::string_view(digits.data(), static_cast<std::size_t>(end.ptr - digits.data())), "\r\n");
}

std::string head(std::string_view status, std::string_view fields) {
    return concat("HTTP/1.1 ", status, "\r\n", fields, "\r\n");
}

}  // namespace

class ArchiveServer::ReplyGuard {
  public:
    explicit ReplyGuard(ArchiveServer& server) : server_(server) {
        const std::lock_guard lock(server_.mutex_);
        ++server_.answering_;
    }
    ReplyGuard(const ReplyGuard&) = delete;
    ReplyGuard& operator=(const ReplyGuard&) = delete;
    ~ReplyGuard() {
        const std::lock_guard lock(server_.mutex_);
        if (--server_.answering_ == 0) server_.idle_.notify_all();
    }

  private:
    ArchiveServer& server_;
};

ArchiveServer::ArchiveServer(ArchiveOffer& offer, std::string socket_path, Progress& progress)
    : offer_(offer),
      progress_(progress),
      socket_path_(std::move(socket_path)),
      prefix_('/' + random_hex(32)),
      listener_(listen_at(socket_path_)),
      stop_(make_pipe()),
      acceptor_([this] { accept_loop(); }) {}

ArchiveServer::~ArchiveServer() {
    stop_.writer.close();
    acceptor_.join();
    for (Connection& connection : connections_) ::shutdown(connection.socket.get(), SHUT_RDWR);
    reap(true);
    ::unlink(socket_path_.c_str());
}

void ArchiveServer::offer(const RefName& ref, const CommitId& commit, bool probing) {
    std::unique_lock lock(mutex_);
    idle_.wait(lock, [this] { return answering_ == 0; });
    lacks_object_ = false;
    offer_.set(ref, commit, probing);
}

void ArchiveServer::rethrow_failure() {
    const std::lock_guard lock(mutex_);
    if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

void ArchiveServer::reap(bool all) {
    for (auto it = connections_.begin(); it != connections_.end();) {
        if (!all && !it->done) {
            ++it;
            continue;
        }
        it->thread.join();
        it = connections_.erase(it);
    }
}

void ArchiveServer::accept_loop() noexcept {
    for (;;) {
        std::array<pollfd, 2> entries{pollfd{.fd = listener_.get(), .events = POLLIN, .revents = 0},
                                      pollfd{.fd = stop_.reader.get(), .events = POLLIN, .revents = 0}};
        if (::poll(entries.data(), entries.size(), -1) < 0 && errno != EINTR) return;
        if (entries[1].revents != 0) return;
        if (entries[0].revents == 0) continue;
        try {
            accept_one();
        } catch (...) {
            const std::lock_guard lock(mutex_);
            if (!failure_) failure_ = std::current_exception();
        }
    }
}

void ArchiveServer::accept_one() {
    Fd socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!socket) return;  // it went away again
    reap(false);
    if (connections_.size() >= kMaxConnections || !is_own_process(socket.get())) return;
    Connection& connection = connections_.emplace_back();
    connection.socket = std::move(socket);
    try {
        connection.thread = std::thread([this, &connection] { serve(connection); });
    } catch (...) {
        connections_.pop_back();
        throw;
    }
}

void ArchiveServer::serve(Connection& connection) noexcept {
    try {
        ignore_broken_pipes();
        std::string buffer;
        while (serve_one(connection, buffer)) {
        }
    } catch (const Disconnected&) {
        // Whoever asked finds out.
    } catch (...) {
        const std::lock_guard lock(mutex_);
        if (!failure_) failure_ = std::current_exception();
    }
    ::shutdown(connection.socket.get(), SHUT_RDWR);
    connection.done = true;
}

// Reads one request and answers it; `buffer` holds what was read beyond. False at the end of the connection.
bool ArchiveServer::serve_one(Connection& connection, std::string& buffer) {
    const int socket = connection.socket.get();
    constexpr std::string_view kEnd = "\r\n\r\n";
    std::size_t end = 0;
    while ((end = buffer.find(kEnd)) == std::string::npos) {
        if (buffer.size() > kMaxRequestHead) return false;
        std::array<char, 4096> piece{};
        const ssize_t n = ::recv(socket, piece.data(), piece.size(), 0);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        buffer.append(piece.data(), static_cast<std::size_t>(n));
    }
    end += kEnd.size();
    const std::optional<HttpRequest> request = parse_request(std::string_view(buffer).substr(0, end));
    buffer.erase(0, end);
    if (!request || request->has_body) {
        send(socket, head("400 Bad Request", "Content-Length: 0\r\nConnection: close\r\n"));
        return false;
    }
    const ReplyGuard answering(*this);
    return answer(connection, *request) && request->keep_alive;
}

bool ArchiveServer::answer(Connection& connection, const HttpRequest& request) {
    const int socket = connection.socket.get();
    const std::string_view target = request.target;
    const bool known = target.size() > prefix_.size() && target[prefix_.size()] == '/' &&
                       equal_in_constant_time(target.substr(0, prefix_.size()), prefix_);
    if (!known || (request.method != "GET" && request.method != "HEAD")) {
        send(socket, head("404 Not Found", "Content-Length: 0\r\nConnection: close\r\n"));
        return false;
    }
    const std::string_view path = target.substr(prefix_.size() + 1);
    std::optional<OfferedFile> file = offer_.find(path);
    if (!file) {
        // Detached metadata are asked for whether there are any or not.
        if (path.starts_with("objects/") && !path.ends_with(".commitmeta")) lacks_object_ = true;
        send(socket, head("404 Not Found", "Content-Length: 0\r\n"));
        return true;
    }
    const bool chunked = file->content.content != nullptr;
    const std::string length = concat("Content-Length: ", file->bytes.size() + file->size, "\r\n");
    send(socket, head("200 OK", chunked ? std::string_view("Transfer-Encoding: chunked\r\n")
                                        : std::string_view(length)));
    if (request.method == "HEAD") return true;
    if (chunked) {
        send_deflated(connection, *file);
    } else {
        send_file(socket, *file);
    }
    if (file->is_object) ++objects_sent_;
    return true;
}

void ArchiveServer::send(int socket, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t n = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) throw Disconnected{};
        bytes.remove_prefix(static_cast<std::size_t>(n));
    }
}

void ArchiveServer::send_file(int socket, OfferedFile& file) {
    send(socket, file.bytes);
    if (file.is_object) bytes_sent_ += file.bytes.size();
    for (std::uint64_t left = file.size; left > 0;) {
        const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(left, 1U << 20U));
        const ssize_t n = ::sendfile(socket, file.file.get(), nullptr, wanted);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) throw Disconnected{};
        left -= static_cast<std::uint64_t>(n);
        bytes_sent_ += static_cast<std::uint64_t>(n);
        progress_.advance(static_cast<std::uint64_t>(n));
    }
}

void ArchiveServer::send_deflated(Connection& connection, OfferedFile& file) {
    const int socket = connection.socket.get();
    if (!connection.deflater) connection.deflater = oci::make_deflater(oci::kFastDeflate);
    connection.piece.resize(kPiece);
    send(socket, concat(chunk_head(file.bytes.size()), file.bytes, "\r\n"));
    bytes_sent_ += file.bytes.size();
    std::uint64_t left = file.content.size;
    do {
        const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(left, kPiece));
        const MutableBytes piece(connection.piece.data(), wanted);
        if (wanted > 0 && read_full(*file.content.content, piece) != wanted)
            throw Error(ErrorKind::digest_mismatch, "an object is shorter than its repository declares");
        left -= wanted;
        const ByteView deflated =
            connection.deflater->compress({.before = {}, .content = piece, .last = left == 0});
        if (deflated.empty()) continue;
        send(socket, concat(chunk_head(deflated.size()), as_text(deflated), "\r\n"));
        bytes_sent_ += deflated.size();
        progress_.advance(deflated.size());
    } while (left > 0);
    send(socket, "0\r\n\r\n");
}

}  // namespace osb::ostree
