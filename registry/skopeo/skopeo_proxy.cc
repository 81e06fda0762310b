#include "registry/skopeo/skopeo_proxy.hh"

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/escape.hh"
#include "base/interrupt.hh"
#include "oci/documents/json_members.hh"
#include "oci/documents/manifest.hh"

namespace osb::registry {
namespace {

using oci::Json;
using std::chrono::milliseconds;

// The maximum size of a request (maxMsgSize in the server's source).
constexpr std::size_t kMaxRequest = 32UL * 1024;
// The largest integer that the server accepts: doubles represent all integers up to it exactly.
constexpr std::uint64_t kMaxInteger = (1ULL << 53U) - 1;
constexpr int kChildSocket = 3;
constexpr int kProxyPollMilliseconds = 200;
constexpr int kAbandonMilliseconds = 2000;

Error protocol_error(std::string_view method, std::string_view what) {
    return {ErrorKind::internal, concat("image proxy: ", method, ": ", what)};
}

// Waits until fd is readable or at its end.
void wait_readable(int fd) {
    for (;;) {
        check_interrupt();
        pollfd entry{.fd = fd, .events = POLLIN, .revents = 0};
        const int ready = ::poll(&entry, 1, kProxyPollMilliseconds);
        if (ready > 0) return;
        if (ready < 0 && errno != EINTR) throw_errno("cannot wait for the image proxy");
    }
}

bool is_pipe(const Fd& fd) {
    struct stat st {};
    return ::fstat(fd.get(), &st) == 0 && S_ISFIFO(st.st_mode);
}

// True if the server's message means that the image does not exist. Versions before OpenImageOptional have
// only the message.
bool says_not_found(std::string_view text) {
    constexpr std::array<std::string_view, 5> kWords{"does not resolve to an image ID",
                                                     "identifier is not an image", "image not known",
                                                     "manifest unknown", "name unknown"};
    return std::any_of(kWords.begin(), kWords.end(),
                       [text](std::string_view words) { return text.find(words) != std::string_view::npos; });
}

}  // namespace

ProxyVersion ProxyVersion::parse(std::string_view text) {
    ProxyVersion out;
    const char* at = text.data();
    const char* const end = text.data() + text.size();
    bool first = true;
    for (unsigned* part : {&out.major, &out.minor, &out.patch}) {
        const bool dot = first || (at != end && *at++ == '.');
        const auto [next, error] = std::from_chars(at, end, *part);
        if (!dot || error != std::errc()) {
            throw Error(ErrorKind::unsupported, concat("image proxy of unknown version ", osb::quoted(text)));
        }
        at = next;
        first = false;
    }
    // Semantic versioning allows a pre-release or build tag.
    if (at != end && *at != '-' && *at != '+') {
        throw Error(ErrorKind::unsupported, concat("image proxy of unknown version ", osb::quoted(text)));
    }
    return out;
}

// NOLINTNEXTLINE(bugprone-exception-escape): moving JSON throws nothing
struct SkopeoProxy::Reply {
    bool success = false;
    Json value;
    std::uint32_t pipe_id = 0;
    std::string error;
    Fd pipe;
};

std::unique_ptr<SkopeoProxy> SkopeoProxy::start(std::vector<std::string> argv) {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
        throw_errno("cannot make a socket for the image proxy");
    }
    Fd ours(ends[0]);
    Fd theirs(ends[1]);
    argv.insert(argv.end(), {"--sockfd", std::to_string(kChildSocket)});
    SubprocessOptions options{
        .argv = std::move(argv), .environment = {}, .inherited = {{theirs.get(), kChildSocket}}};
    try {
        Subprocess process(options);
        auto proxy = std::make_unique<SkopeoProxy>(std::move(ours), std::move(process));
        // Close our copy of the child's socket: otherwise the end of the process would not end the stream.
        theirs.close();
        proxy->initialize();
        return proxy;
    } catch (Error& error) {
        if (error.kind() == ErrorKind::not_found) {
            error.hint("containers-storage: and docker: require skopeo: install the package 'skopeo'");
        }
        throw;
    }
}

SkopeoProxy::SkopeoProxy(Fd socket, std::optional<Subprocess> process)
    : socket_(std::move(socket)), process_(std::move(process)) {}

SkopeoProxy::~SkopeoProxy() {
    abandon_blob();
    socket_.close();
    if (process_) process_->terminate(milliseconds(broken_ ? 200 : 2000));
}

void SkopeoProxy::initialize() {
    const Reply reply = call("Initialize", Json::array(), false);
    if (!reply.value.is_string()) throw protocol_error("Initialize", "no version in the reply");
    version_ = ProxyVersion::parse(reply.value.get_ref<const std::string&>());
    if (version_ < kOldestProxy) {
        throw Error(ErrorKind::unsupported,
                    concat("skopeo's image proxy has version ",
                           escape(reply.value.get_ref<const std::string&>()), ", expected 0.2.3 or newer"))
            .hint("install skopeo 1.6 or newer");
    }
}

void SkopeoProxy::open_image(const std::string& name, ErrorKind otherwise) {
    // JSON cannot represent other text.
    if (!is_utf8(name)) throw Error(ErrorKind::usage, concat("not valid UTF-8: ", osb::quoted(name)));
    failure_kind_ = otherwise;
    const bool optional = version_ >= kOpenImageOptional;
    const std::string_view method = optional ? "OpenImageOptional" : "OpenImage";
    const Reply reply = call(method, Json::array({name}), false);
    if (!reply.value.is_number_unsigned()) throw protocol_error(method, "no image number in the reply");
    if (optional && reply.value == 0) {
        throw Error(ErrorKind::not_found, concat("no such image: ", osb::quoted(name)));
    }
    image_ = std::make_unique<oci::Json>(reply.value);
}

SkopeoProxy::Manifest SkopeoProxy::get_manifest() {
    Json digest;
    std::string raw = read_document("GetManifest", &digest);
    if (!digest.is_string()) throw protocol_error("GetManifest", "no digest in the reply");
    return {.raw = std::move(raw), .original_digest = digest.get<std::string>()};
}

std::string SkopeoProxy::get_full_config() {
    return read_document("GetFullConfig", nullptr);
}

std::vector<ProxyLayer> SkopeoProxy::get_layers() {
    Json list;
    if (version_ >= kGetLayerInfoPiped) {
        list =
            oci::parse_json(read_document("GetLayerInfoPiped", nullptr), "image proxy: layer information", 8);
    } else {
        list = call("GetLayerInfo", Json::array({image()}), false).value;
    }
    if (!list.is_array() || list.size() > oci::kMaxLayers) {
        throw protocol_error("GetLayerInfo", "no list of layers in the reply");
    }
    std::vector<ProxyLayer> out;
    for (const Json& entry : list) {
        if (!entry.is_object() || !oci::member_or_null(entry, "digest").is_string()) {
            throw protocol_error("GetLayerInfo", "a layer without a digest");
        }
        ProxyLayer layer{.digest = oci::member_or_null(entry, "digest").get<std::string>(),
                         .size = std::nullopt};
        const Json& size = oci::member_or_null(entry, "size");
        if (size.is_number_unsigned()) layer.size = size.get<std::uint64_t>();
        out.push_back(std::move(layer));
    }
    return out;
}

std::optional<std::uint64_t> SkopeoProxy::begin_blob(const oci::Digest& digest,
                                                     std::optional<std::uint64_t> size) {
    if (size.value_or(0) > kMaxInteger) {
        throw Error(ErrorKind::too_large, concat("blob ", digest.short_string(), " has ", *size, " bytes"));
    }
    Reply reply = call("GetBlob", Json::array({image(), digest.to_string(), size.value_or(0)}), true);
    size_known_ = size.has_value();
    begin_pipe(reply);
    if (!reply.value.is_number_unsigned()) return std::nullopt;  // -1: unknown
    return reply.value.get<std::uint64_t>();
}

std::size_t SkopeoProxy::read_blob(MutableBytes buffer) {
    if (!pipe_) return 0;
    for (;;) {
        wait_readable(pipe_.get());
        const ssize_t n = ::read(pipe_.get(), buffer.data(), buffer.size());
        if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (n < 0) throw_errno("cannot read from the image proxy");
        if (n == 0) finish_pipe();
        received_ += static_cast<std::uint64_t>(n);
        return static_cast<std::size_t>(n);
    }
}

void SkopeoProxy::abandon_blob() noexcept {
    if (!pipe_) return;
    // The server's copying fails with EPIPE, so the reply to FinishPipe comes soon.
    pipe_.close();
    if (broken_) return;
    try {
        pollfd entry{.fd = socket_.get(), .events = POLLIN, .revents = 0};
        if (::poll(&entry, 1, kAbandonMilliseconds) == 1) {
            (void)receive("FinishPipe", false, false);
        } else {
            broken_ = true;
        }
    } catch (...) {  // NOLINT(bugprone-empty-catch): the result of an abandoned blob is irrelevant
        broken_ = true;
    }
}

SkopeoProxy::Reply SkopeoProxy::call(std::string_view method, const Json& arguments, bool wants_pipe) {
    if (broken_) throw protocol_error(method, "the connection was closed");
    if (pipe_) throw protocol_error(method, "a pipe is being read");
    send(method, arguments);
    Reply reply = receive(method, wants_pipe, true);
    if (!reply.success) {
        const ErrorKind kind = says_not_found(reply.error) ? ErrorKind::not_found : failure_kind_;
        throw Error(kind, concat("skopeo: ", escape(reply.error)));
    }
    return reply;
}

void SkopeoProxy::send(std::string_view method, const Json& arguments) {
    const std::string text = Json{{"method", method}, {"args", arguments}}.dump();
    if (text.size() > kMaxRequest)
        throw Error(ErrorKind::too_large, concat(method, ": the request is too long"));
    ssize_t n = -1;
    do {
        n = ::send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    if (n != static_cast<ssize_t>(text.size())) fail_dead(method);
}

Packet SkopeoProxy::next_packet(std::string_view method) {
    std::optional<Packet> packet = receive_packet(socket_.get(), kMaxReply);
    if (!packet) fail_dead(method);
    if (packet->has_more_text)
        throw protocol_error(method, concat("a reply of more than ", kMaxReply, " bytes"));
    if (packet->has_more_descriptors) throw protocol_error(method, "a reply with too many descriptors");
    return std::move(*packet);
}

SkopeoProxy::Reply SkopeoProxy::receive(std::string_view method, bool wants_pipe, bool interruptible) {
    // After an early end, client and server would be out of step.
    broken_ = true;
    if (interruptible) wait_readable(socket_.get());
    Packet packet = next_packet(method);
    Json json;
    try {
        json = oci::parse_json(packet.text, "reply", 8);
    } catch (const Error& error) {
        throw protocol_error(method, error.message());
    }
    if (!json.is_object() || !oci::member_or_null(json, "success").is_boolean())
        throw protocol_error(method, "a malformed reply");
    Reply reply;
    reply.success = oci::member_or_null(json, "success").get<bool>();
    reply.error = oci::text_or_empty(json, "error");
    reply.value = oci::member_or_null(json, "value");
    const std::size_t expected = reply.success && wants_pipe ? 1 : 0;
    if (packet.descriptors.size() != expected) {
        throw protocol_error(
            method, concat("a reply with ", packet.descriptors.size(), " descriptors, expected ", expected));
    }
    if (expected == 1) {
        reply.pipe = std::move(packet.descriptors.front());
        if (!is_pipe(reply.pipe))
            throw protocol_error(method, "a reply with a descriptor that is not a pipe");
        const Json& id = oci::member_or_null(json, "pipeid");
        if (!id.is_number_unsigned() || id.get<std::uint64_t>() > std::numeric_limits<std::uint32_t>::max()) {
            throw protocol_error(method, "a pipe without a number");
        }
        reply.pipe_id = id.get<std::uint32_t>();
    }
    broken_ = false;
    return reply;
}

void SkopeoProxy::begin_pipe(Reply& reply) {
    pipe_ = std::move(reply.pipe);
    received_ = 0;
    send("FinishPipe", Json::array({reply.pipe_id}));
}

void SkopeoProxy::finish_pipe() {
    pipe_.close();
    const Reply reply = receive("FinishPipe", false, true);
    if (reply.success) return;
    // Without GetLayerInfo the size of a stored layer is unknown, so 0 was requested. The server then sends
    // all bytes and reports only the wrong size. It would have reported a wrong digest instead.
    if (!size_known_ && reply.error == concat("expected 0 bytes in blob, got ", received_)) return;
    const bool wrong = reply.error.starts_with("corrupted blob") || reply.error.starts_with("expected ");
    throw Error(wrong ? ErrorKind::digest_mismatch : failure_kind_, concat("skopeo: ", escape(reply.error)));
}

std::string SkopeoProxy::read_document(std::string_view method, Json* value) {
    class PipeSource final : public Source {
      public:
        explicit PipeSource(SkopeoProxy& proxy) : proxy_(proxy) {}
        std::size_t read(MutableBytes buffer) override { return proxy_.read_blob(buffer); }

      private:
        SkopeoProxy& proxy_;
    };
    Reply reply = call(method, Json::array({image()}), true);
    if (value != nullptr) *value = reply.value;
    size_known_ = true;
    begin_pipe(reply);
    PipeSource source(*this);
    try {
        return read_all(source, oci::kMaxDocument, concat("image proxy: ", method));
    } catch (...) {
        abandon_blob();
        throw;
    }
}

void SkopeoProxy::fail_dead(std::string_view method) {
    broken_ = true;
    check_interrupt();
    std::string how;
    if (process_) {
        const std::optional<ExitState> state = process_->wait_for(milliseconds(kProxyPollMilliseconds));
        if (state) how = concat(" with ", state->to_string());
        const std::string tail = process_->stderr_tail();
        if (!tail.empty()) how += concat(": ", escape(tail));
    }
    throw Error(ErrorKind::io, concat("image proxy: ", method, ": skopeo ended", how));
}

const Json& SkopeoProxy::image() const {
    if (!image_) throw protocol_error("call", "no image is open");
    return *image_;
}

}  // namespace osb::registry
