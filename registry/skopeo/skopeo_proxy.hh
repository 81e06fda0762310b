// The wire protocol of `skopeo experimental-image-proxy`: one JSON packet a request and a reply over a
// SOCK_SEQPACKET socket, data through pipes whose reading ends come with the replies (SCM_RIGHTS). Protocol
// version 0.2.3 (skopeo 1.6) and newer; see skopeo's docs-experimental/skopeo-experimental-image-proxy.1.md.
//
// The server handles one request after the other, and its FinishPipe waits for the end of the pipe's data.
// The writing end of a pipe is closed by FinishPipe alone. So FinishPipe is sent as soon as a pipe comes,
// which makes the end of the data visible, and a proxy serves one pipe at a time: blobs that are read at once
// take a proxy each (registry/skopeo/proxy_source.hh).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.hh"
#include "base/fd.hh"
#include "base/stream.hh"
#include "base/subprocess.hh"
#include "oci/documents/digest.hh"
#include "oci/documents/json.hh"

namespace osb::registry {

// The protocol's version, from Initialize.
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
// Also the first one that closes a blob's temporary file.
inline constexpr ProxyVersion kGetLayerInfo{0, 2, 5};
inline constexpr ProxyVersion kGetLayerInfoPiped{0, 2, 7};

// The largest reply packet that is taken, in bytes. Only GetLayerInfo's is larger than some hundred.
inline constexpr std::size_t kMaxReply = 256UL * 1024;

// A layer as the image's storage has it.
struct ProxyLayer {
    std::string digest;
    std::optional<std::uint64_t> size;
};

// A connection to one proxy. Any protocol error, interruption or death of the process breaks it for good. Not
// for use by several threads at once.
class SkopeoProxy {
  public:
    // Starts `argv` with "--sockfd" and a number added, and initialises it. Throws Error: not_found with a
    // hint when the program is missing, unsupported when it is too old.
    static std::unique_ptr<SkopeoProxy> start(std::vector<std::string> argv);
    // Speaks over `socket`; `process` is what sits at its other end, if it is a child of ours.
    explicit SkopeoProxy(Fd socket, std::optional<Subprocess> process = std::nullopt);
    SkopeoProxy(const SkopeoProxy&) = delete;
    SkopeoProxy& operator=(const SkopeoProxy&) = delete;
    // Closes the socket, which ends the process; kills it when it does not within 2 s.
    ~SkopeoProxy();

    // Initialize. To be called first.
    void initialize();
    const ProxyVersion& version() const noexcept { return version_; }

    // Opens the image that the following calls are about. Throws Error{not_found} when there is none; other
    // failures, now and later, are of the kind `otherwise`.
    void open_image(const std::string& name, ErrorKind otherwise);
    bool has_image() const noexcept { return image_ != nullptr; }

    // The manifest, converted to OCI's form when it is Docker's, and the original's digest.
    struct Manifest {
        std::string raw;
        std::string original_digest;
    };
    Manifest get_manifest();
    // The config in OCI's form, written anew by the proxy.
    std::string get_full_config();
    // The layers as they are stored. Version kGetLayerInfo and newer.
    std::vector<ProxyLayer> get_layers();

    // Begins to read a blob; the server checks its digest and, where it is given, its size. The result is
    // what the server says the size is, nothing when it does not know.
    std::optional<std::uint64_t> begin_blob(const oci::Digest& digest, std::optional<std::uint64_t> size);
    // Reads the blob that was begun; 0 at its end, which is when the server's verdict came and was good.
    std::size_t read_blob(MutableBytes buffer);
    // Ends the blob early, if one is being read: closes the pipe and takes the verdict, whatever it is, for
    // at most 2 s.
    void abandon_blob() noexcept;

    // No further calls are possible.
    bool broken() const noexcept { return broken_; }

  private:
    struct Reply;
    struct Packet;

    // A request and its reply; throws what the server says when it fails.
    Reply call(std::string_view method, const oci::Json& arguments, bool wants_pipe);
    void send(std::string_view method, const oci::Json& arguments);
    Reply receive(std::string_view method, bool wants_pipe, bool interruptible);
    Packet receive_packet(std::string_view method);
    // Takes the pipe of a reply and asks for its end at once.
    void begin_pipe(Reply& reply);
    void finish_pipe();
    std::string read_document(std::string_view method, oci::Json* value);
    [[noreturn]] void fail_dead(std::string_view method);
    const oci::Json& image() const;

    Fd socket_;
    std::optional<Subprocess> process_;
    ProxyVersion version_;
    std::unique_ptr<oci::Json> image_;        // what OpenImage replied; nullptr before
    ErrorKind failure_kind_ = ErrorKind::io;  // of what the server reports, where nothing better is known
    bool broken_ = false;
    // The pipe that is being read.
    Fd pipe_;
    bool size_known_ = false;
    std::uint64_t received_ = 0;
};

}  // namespace osb::registry
