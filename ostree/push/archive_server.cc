#include "ostree/push/archive_server.hh"

#include <microhttpd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstring>
#include <exception>
#include <mutex>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/object_pool.hh"
#include "base/random.hh"
#include "oci/codec/deflater.hh"

namespace osb::ostree {
namespace {

constexpr unsigned kMaxConnections = 64;  // libostree opens up to eight
constexpr int kBacklog = 32;
constexpr std::size_t kPiece = 256UL * 1024;  // of a file to compress, in bytes
// Memory of one connection in bytes. It limits the head of a request, and half of it is sent at a time.
constexpr std::size_t kConnectionMemory = 32UL * 1024;

Fd listen_at(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path)
        throw Error(ErrorKind::internal, concat("the path of a socket is too long: ", quoted(path)));
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    // The socket interface requires the cast.
    const auto* const generic = reinterpret_cast<const sockaddr*>(&address);  // NOLINT
    if (!fd || ::bind(fd.get(), generic, sizeof address) != 0 || ::listen(fd.get(), kBacklog) != 0)
        throw_errno(concat("cannot serve at ", quoted(path)));
    return fd;
}

bool is_own_process(MHD_Connection* connection) {
    const MHD_ConnectionInfo* info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    ucred peer{};
    socklen_t size = sizeof peer;
    return info != nullptr && ::getsockopt(info->connect_fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
           peer.uid == ::geteuid();
}

bool has_field(MHD_Connection* connection, const char* name) {
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name) != nullptr;
}

// Takes the same time wherever the texts differ.
bool equal_in_constant_time(std::string_view a, std::string_view b) {
    if (a.size() != b.size()) return false;
    unsigned difference = 0;
    for (std::size_t i = 0; i < a.size(); ++i)
        difference |=
            static_cast<unsigned char>(a[i]) ^ static_cast<unsigned>(static_cast<unsigned char>(b[i]));
    return difference == 0;
}

struct FreeResponse {
    void operator()(MHD_Response* response) const noexcept { MHD_destroy_response(response); }
};
using Response = std::unique_ptr<MHD_Response, FreeResponse>;

MHD_Result reply(MHD_Connection* connection, unsigned status, const Response& response) {
    return response ? MHD_queue_response(connection, status, response.get()) : MHD_NO;
}

// Sends a status without content. `ends`: also closes the connection.
MHD_Result reply_status(MHD_Connection* connection, unsigned status, bool ends) {
    const Response response(MHD_create_response_from_buffer(0, nullptr, MHD_RESPMEM_PERSISTENT));
    if (ends && response &&
        MHD_add_response_header(response.get(), MHD_HTTP_HEADER_CONNECTION, "close") != MHD_YES) {
        return MHD_NO;
    }
    return reply(connection, status, response);
}

}  // namespace

// libmicrohttpd calls the static functions with a pointer to this object, from a thread per connection.
class ArchiveServer::Answers {
  public:
    Answers(ArchiveOffer& offer, Progress& progress, Fd listener)
        : offer_(offer), progress_(progress), daemon_(start(std::move(listener))) {}

    void set(const RefName& ref, const CommitId& commit, bool probing);
    void rethrow_failure();

    const std::string prefix = '/' + random_hex(32);
    std::atomic<bool> lacks_object{false};
    std::atomic<std::uint64_t> objects_sent{0};
    std::atomic<std::uint64_t> bytes_sent{0};

  private:
    class Content;
    struct StopDaemon {
        void operator()(MHD_Daemon* daemon) const noexcept { MHD_stop_daemon(daemon); }
    };
    // A request, from its first line to the end of its response.
    struct Request {
        std::string target;  // percent-encoded
        bool is_counted = false;
    };

    MHD_Daemon* start(Fd listener);
    static void* begin(void* self, const char* target, MHD_Connection* connection) noexcept;
    static MHD_Result answer(void* self, MHD_Connection* connection, const char* url, const char* method,
                             const char* version, const char* data, std::size_t* size,
                             void** context) noexcept;
    static void end(void* self, MHD_Connection* connection, void** context,
                    MHD_RequestTerminationCode code) noexcept;
    MHD_Result answer_with(MHD_Connection* connection, std::string_view method, std::string_view target);
    void keep_failure() noexcept;

    ArchiveOffer& offer_;
    Progress& progress_;
    ObjectPool<oci::Deflater> deflaters_{[] { return oci::make_deflater(oci::kFastDeflate); }};
    std::mutex mutex_;
    std::condition_variable idle_;
    unsigned answering_ = 0;  // requests in progress; the offer must not change meanwhile
    std::exception_ptr failure_;
    std::unique_ptr<MHD_Daemon, StopDaemon> daemon_;  // the last member, because its threads use the others
};

// The body of a response.
class ArchiveServer::Answers::Content {
  public:
    Content(Answers& answers, OfferedFile file) : answers_(answers), file_(std::move(file)) {
        if (!is_deflated()) return;
        deflater_.emplace(answers_.deflaters_.take());
        piece_.resize(kPiece);
        left_ = file_.content.size;
    }

    // Raw deflate, whose length is not known in advance.
    bool is_deflated() const noexcept { return file_.content.content != nullptr; }
    std::uint64_t size() const noexcept {
        return is_deflated() ? MHD_SIZE_UNKNOWN : file_.bytes.size() + file_.size;
    }

    static ssize_t read(void* self, std::uint64_t position, char* out, std::size_t size) noexcept {
        auto& content = *static_cast<Content*>(self);
        try {
            return content.read_at(position, {reinterpret_cast<std::uint8_t*>(out), size});  // NOLINT: bytes
        } catch (...) {
            content.answers_.keep_failure();
            return MHD_CONTENT_READER_END_WITH_ERROR;
        }
    }
    static void release(void* self) noexcept {
        const std::unique_ptr<Content> owned(static_cast<Content*>(self));
    }

  private:
    ssize_t read_at(std::uint64_t position, MutableBytes out) {
        std::size_t n = 0;
        if (position < file_.bytes.size()) {
            const ByteView rest = as_bytes(file_.bytes).subspan(static_cast<std::size_t>(position));
            n = std::min(out.size(), rest.size());
            std::copy_n(rest.begin(), n, out.begin());
        } else {
            n = is_deflated() ? read_deflated(out) : read_file(out);
            answers_.progress_.advance(n);
        }
        if (file_.is_object) {
            answers_.bytes_sent += n;
            if (position + n == size() || n == 0) ++answers_.objects_sent;
        }
        return n == 0 ? ssize_t{MHD_CONTENT_READER_END_OF_STREAM} : static_cast<ssize_t>(n);
    }

    std::size_t read_file(MutableBytes out) const {
        const ssize_t n = ::read(file_.file.get(), out.data(), out.size());
        if (n < 0) throw_errno("cannot read an object");
        if (n == 0) throw Error(ErrorKind::digest_mismatch, "an object became shorter while it was sent");
        return static_cast<std::size_t>(n);
    }

    std::size_t read_deflated(MutableBytes out) {
        while (deflated_.empty() && !is_last_) deflate_piece();
        const std::size_t n = std::min(out.size(), deflated_.size());
        std::copy_n(deflated_.begin(), n, out.begin());
        deflated_ = deflated_.subspan(n);
        return n;
    }

    void deflate_piece() {
        const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(left_, kPiece));
        const MutableBytes piece = MutableBytes(piece_).first(wanted);
        if (wanted > 0 && read_full(*file_.content.content, piece) != wanted)
            throw Error(ErrorKind::digest_mismatch, "an object is shorter than its repository declares");
        left_ -= wanted;
        is_last_ = left_ == 0;
        deflated_ = (*deflater_)->compress({.before = {}, .content = piece, .last = is_last_});
    }

    Answers& answers_;
    OfferedFile file_;
    std::optional<ObjectPool<oci::Deflater>::Lease> deflater_;
    std::vector<std::uint8_t> piece_;
    std::uint64_t left_ = 0;  // bytes left to compress
    bool is_last_ = false;
    ByteView deflated_;  // bytes left to send
};

MHD_Daemon* ArchiveServer::Answers::start(Fd listener) {
    constexpr unsigned kFlags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION |
                                MHD_USE_POLL | MHD_USE_ITC | MHD_USE_SUPPRESS_DATE_NO_CLOCK;
    MHD_Daemon* const daemon = MHD_start_daemon(kFlags, 0, nullptr, nullptr, answer, this,              //
                                                MHD_OPTION_LISTEN_SOCKET, listener.get(),               //
                                                MHD_OPTION_URI_LOG_CALLBACK, begin, this,               //
                                                MHD_OPTION_NOTIFY_COMPLETED, end, this,                 //
                                                MHD_OPTION_CONNECTION_LIMIT, kMaxConnections,           //
                                                MHD_OPTION_CONNECTION_MEMORY_LIMIT, kConnectionMemory,  //
                                                MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
    if (daemon == nullptr) throw Error(ErrorKind::io, "cannot start the HTTP server");
    static_cast<void>(listener.release());  // owned by the daemon now
    return daemon;
}

void* ArchiveServer::Answers::begin(void* self, const char* target, MHD_Connection* /*connection*/) noexcept {
    try {
        auto request = std::make_unique<Request>();
        request->target = target;
        return request.release();  // end() takes ownership
    } catch (...) {
        static_cast<Answers*>(self)->keep_failure();
        return nullptr;
    }
}

MHD_Result ArchiveServer::Answers::answer(void* self, MHD_Connection* connection, const char* /*url*/,
                                          const char* method, const char* version, const char* /*data*/,
                                          std::size_t* /*size*/, void** context) noexcept {
    auto& answers = *static_cast<Answers*>(self);
    auto* const request = static_cast<Request*>(*context);
    if (request == nullptr || !is_own_process(connection)) return MHD_NO;
    const bool has_body = has_field(connection, MHD_HTTP_HEADER_CONTENT_LENGTH) ||
                          has_field(connection, MHD_HTTP_HEADER_TRANSFER_ENCODING);
    if (has_body || std::string_view(version) != MHD_HTTP_VERSION_1_1) {
        return reply_status(connection, MHD_HTTP_BAD_REQUEST, true);
    }
    // The first call precedes the end of the request: a response to it would close the connection.
    if (!std::exchange(request->is_counted, true)) {
        const std::lock_guard lock(answers.mutex_);
        ++answers.answering_;
        return MHD_YES;
    }
    try {
        return answers.answer_with(connection, method, request->target);
    } catch (...) {
        answers.keep_failure();
        return MHD_NO;
    }
}

void ArchiveServer::Answers::end(void* self, MHD_Connection* /*connection*/, void** context,
                                 MHD_RequestTerminationCode /*code*/) noexcept {
    auto& answers = *static_cast<Answers*>(self);
    const std::unique_ptr<Request> request(static_cast<Request*>(std::exchange(*context, nullptr)));
    if (!request || !request->is_counted) return;
    const std::lock_guard lock(answers.mutex_);
    if (--answers.answering_ == 0) answers.idle_.notify_all();
}

MHD_Result ArchiveServer::Answers::answer_with(MHD_Connection* connection, std::string_view method,
                                               std::string_view target) {
    const bool is_known = target.size() > prefix.size() && target[prefix.size()] == '/' &&
                          equal_in_constant_time(target.substr(0, prefix.size()), prefix);
    if (!is_known || (method != MHD_HTTP_METHOD_GET && method != MHD_HTTP_METHOD_HEAD)) {
        return reply_status(connection, MHD_HTTP_NOT_FOUND, true);
    }
    const std::string_view path = target.substr(prefix.size() + 1);
    std::optional<OfferedFile> file = offer_.find(path);
    if (!file) {
        // Clients request detached metadata even if there are none.
        if (path.starts_with("objects/") && !path.ends_with(".commitmeta")) lacks_object = true;
        return reply_status(connection, MHD_HTTP_NOT_FOUND, false);
    }
    auto content = std::make_unique<Content>(*this, std::move(*file));
    const auto block = static_cast<std::size_t>(std::min<std::uint64_t>(content->size(), kPiece));
    const Response response(MHD_create_response_from_callback(content->size(), block, Content::read,
                                                              content.get(), Content::release));
    if (response) static_cast<void>(content.release());  // owned by the response now
    return reply(connection, MHD_HTTP_OK, response);
}

void ArchiveServer::Answers::keep_failure() noexcept {
    const std::lock_guard lock(mutex_);
    if (!failure_) failure_ = std::current_exception();
}

void ArchiveServer::Answers::set(const RefName& ref, const CommitId& commit, bool probing) {
    std::unique_lock lock(mutex_);
    idle_.wait(lock, [this] { return answering_ == 0; });
    lacks_object = false;
    offer_.set(ref, commit, probing);
}

void ArchiveServer::Answers::rethrow_failure() {
    const std::lock_guard lock(mutex_);
    if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

ArchiveServer::ArchiveServer(ArchiveOffer& offer, std::string socket_path, Progress& progress)
    : socket_path_(std::move(socket_path)),
      answers_(std::make_unique<Answers>(offer, progress, listen_at(socket_path_))) {}

ArchiveServer::~ArchiveServer() {
    answers_.reset();
    ::unlink(socket_path_.c_str());
}

const std::string& ArchiveServer::prefix() const noexcept {
    return answers_->prefix;
}

void ArchiveServer::offer(const RefName& ref, const CommitId& commit, bool probing) {
    answers_->set(ref, commit, probing);
}

bool ArchiveServer::lacks_object() const noexcept {
    return answers_->lacks_object;
}

void ArchiveServer::rethrow_failure() {
    answers_->rethrow_failure();
}

std::uint64_t ArchiveServer::objects_sent() const noexcept {
    return answers_->objects_sent;
}

std::uint64_t ArchiveServer::bytes_sent() const noexcept {
    return answers_->bytes_sent;
}

}  // namespace osb::ostree
