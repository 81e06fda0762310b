// The wire protocol of `skopeo experimental-image-proxy`: JSON packets for requests and replies over a
// SOCK_SEQPACKET socket. Data comes through pipes, whose reading ends arrive with the replies (SCM_RIGHTS).
// Supports protocol version 0.2.3 (skopeo 1.6) and newer; see skopeo's
// docs-experimental/skopeo-experimental-image-proxy.1.md.
//
// The server handles one request at a time. FinishPipe waits for the end of the pipe's data, and only
// FinishPipe closes the writing end of a pipe. So this client sends FinishPipe as soon as a pipe arrives,
// which makes the end of the data visible. Therefore a proxy serves one pipe at a time, and each concurrent
// read of a blob needs its own proxy (registry/skopeo/proxy_source.hh).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.hh"
#include "base/fd.hh"
#include "base/packet.hh"
#include "base/stream.hh"
#include "base/subprocess.hh"
#include "oci/documents/digest.hh"
#include "oci/documents/json.hh"

namespace osb::registry {

// The version of the protocol, from Initialize.
struct ProxyVersion {
    unsigned major = 0;
    unsigned minor = 0;
    unsigned patch = 0;

    auto operator<=>(const ProxyVersion&) const = default;  // NOLINT(modernize-use-nullptr): a false alarm
    // Throws Error{unsupported}.
    static ProxyVersion parse(std::string_view text);
};

inline constexpr ProxyVersion kOldestProxy{0, 2, 3};
inline constexpr ProxyVersion kOpenImageOptional{0, 2, 4};
// This is also the first version that closes the temporary file of a blob.
inline constexpr ProxyVersion kGetLayerInfo{0, 2, 5};
inline constexpr ProxyVersion kGetLayerInfoPiped{0, 2, 7};

// The maximum size of a reply packet in bytes. Only replies to GetLayerInfo exceed some hundred bytes.
inline constexpr std::size_t kMaxReply = 256UL * 1024;

// A layer, as the storage of the image has it.
struct ProxyLayer {
    std::string digest;
    std::optional<std::uint64_t> size;
};

// A connection to one proxy. Any protocol error, interruption or end of the process breaks it permanently.
// Not thread-safe.
class SkopeoProxy {
  public:
    // Starts `argv` with "--sockfd" and a number appended, and initialises it. Throws Error: not_found with a
    // hint if the program is missing; unsupported if it is too old.
    static std::unique_ptr<SkopeoProxy> start(std::vector<std::string> argv);
    // Uses `socket`. `process` is the process at its other end, if it is a child of this process.
    explicit SkopeoProxy(Fd socket, std::optional<Subprocess> process = std::nullopt);
    SkopeoProxy(const SkopeoProxy&) = delete;
    SkopeoProxy& operator=(const SkopeoProxy&) = delete;
    // Closes the socket, which ends the process. Kills the process if it does not end within 2 s.
    ~SkopeoProxy();

    // Sends Initialize. Call it first.
    void initialize();
    const ProxyVersion& version() const noexcept { return version_; }

    // Opens the image for the following calls. Throws Error{not_found} if it does not exist. Other failures,
    // now and in later calls, have the kind `otherwise`.
    void open_image(const std::string& name, ErrorKind otherwise);
    bool has_image() const noexcept { return image_ != nullptr; }

    // The manifest, converted to OCI's format if it is in Docker's, and the digest of the original.
    struct Manifest {
        std::string raw;
        std::string original_digest;
    };
    Manifest get_manifest();
    // The config in OCI's format, as re-encoded by the proxy.
    std::string get_full_config();
    // The layers as they are stored. Requires version kGetLayerInfo or newer.
    std::vector<ProxyLayer> get_layers();

    // Starts to read a blob. The server checks its digest, and its size if it is given. Returns the size that
    // the server reports, or nullopt if the server does not know it.
    std::optional<std::uint64_t> begin_blob(const oci::Digest& digest, std::optional<std::uint64_t> size);
    // Reads the blob that was started. Returns 0 at its end, after the server has confirmed the digest.
    std::size_t read_blob(MutableBytes buffer);
    // Ends the reading of a blob early: closes the pipe, and waits at most 2 s for the server's result, which
    // is ignored. Does nothing if no blob is being read.
    void abandon_blob() noexcept;

    // True if no further calls are possible.
    bool broken() const noexcept { return broken_; }

  private:
    struct Reply;

    // Sends a request and receives its reply. Throws the server's error if it fails.
    Reply call(std::string_view method, const oci::Json& arguments, bool wants_pipe);
    void send(std::string_view method, const oci::Json& arguments);
    Reply receive(std::string_view method, bool wants_pipe, bool interruptible);
    Packet next_packet(std::string_view method);
    // Takes the pipe of a reply and immediately requests its end.
    void begin_pipe(Reply& reply);
    void finish_pipe();
    std::string read_document(std::string_view method, oci::Json* value);
    [[noreturn]] void fail_dead(std::string_view method);
    const oci::Json& image() const;

    Fd socket_;
    std::optional<Subprocess> process_;
    ProxyVersion version_;
    std::unique_ptr<oci::Json> image_;        // the reply to OpenImage; nullptr before
    ErrorKind failure_kind_ = ErrorKind::io;  // the default kind of the server's errors
    bool broken_ = false;
    // The pipe that is read.
    Fd pipe_;
    bool size_known_ = false;
    std::uint64_t received_ = 0;
};

}  // namespace osb::registry
