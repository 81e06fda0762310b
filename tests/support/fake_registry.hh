// A registry for tests, in this process, over loopback sockets and plain HTTP/1.1. It does what the
// distribution specification says, and every wrong that a test asks for.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace osb::test {

struct FakeRequest {
    std::string method;
    std::string target;                             // as it came
    std::string path;                               // without the query
    std::multimap<std::string, std::string> query;  // decoded
    std::map<std::string, std::string> headers;     // names in lower case
    std::string body;

    std::string header(const std::string& name) const;
    std::string param(const std::string& name) const;
};

// A response and what goes wrong with it.
struct FakeResponse {
    int status = 200;
    std::vector<std::pair<std::string, std::string>> headers;
    std::string body;
    std::optional<std::string> length;  // in place of the true Content-Length; "" leaves it out
    bool chunked = false;
    std::optional<std::string> raw;          // all bytes of the response, in place of everything else
    std::optional<std::size_t> cut_after;    // bytes of the body, after which the connection ends
    bool reset = false;                      // it ends with RST instead of FIN
    bool drop = false;                       // it ends before any answer
    std::chrono::milliseconds wait{0};       // before the answer
    std::chrono::milliseconds stall{0};      // after the headers
    std::size_t slow_step = 0;               // bytes of the body that are sent at a time
    std::chrono::milliseconds slow_wait{0};  // between two of them
    bool close = false;
};

// A function that a test exchanges while the server's threads call it.
template<typename Signature>
class Hook;
template<typename Result, typename... Args>
class Hook<Result(Args...)> {
  public:
    using Function = std::function<Result(Args...)>;

    Hook& operator=(Function next) {
        const std::lock_guard lock(mutex_);
        function_.swap(next);
        return *this;
    }
    Function get() const {
        const std::lock_guard lock(mutex_);
        return function_;
    }
    explicit operator bool() const { return static_cast<bool>(get()); }
    Result operator()(Args... args) const { return get()(args...); }

  private:
    mutable std::mutex mutex_;
    Function function_;
};

class FakeRegistry {
  public:
    FakeRegistry();
    FakeRegistry(const FakeRegistry&) = delete;
    FakeRegistry& operator=(const FakeRegistry&) = delete;
    ~FakeRegistry();

    // "127.0.0.1:PORT" and "http://127.0.0.1:PORT".
    std::string host() const;
    std::string url() const { return "http://" + host(); }

    // Called for every request before (to answer in its place) and after (to spoil the answer).
    Hook<std::optional<FakeResponse>(const FakeRequest&)> before;
    Hook<void(const FakeRequest&, FakeResponse&)> after;

    // What is there. `add_*` return the digest.
    std::string add_blob(const std::string& content, const std::string& repository = "repo");
    std::string add_manifest(const std::string& tag, const std::string& raw, const std::string& media_type,
                             const std::string& repository = "repo");
    std::optional<std::string> blob(const std::string& digest, const std::string& repository = "repo");
    std::optional<std::string> manifest(const std::string& reference, const std::string& repository = "repo");
    std::size_t open_uploads();
    void remove_tags();

    // How it behaves.
    std::string basic_user;   // "user:password" that Basic demands
    std::string bearer_user;  // that the token server demands; "-" for anonymous tokens
    std::string realm;        // another token server's URL
    bool ranges = true;
    bool mounts = true;
    bool referrers = true;          // the API, and the header OCI-Subject
    bool tags_with_digest = false;  // PUT by digest takes tag= and answers with OCI-Tag
    bool etags = false;             // of manifests, and If-Match
    bool deletes = true;
    bool relative_locations = false;
    bool location_query = true;  // upload URLs carry a state that must be kept
    bool strict_ranges = true;   // PATCH must go on where the last one ended, else 416
    std::size_t chunk_min = 0;   // OCI-Chunk-Min-Length
    std::size_t page = 100;      // the most entries of a page
    std::atomic<unsigned> token_life{300};
    std::atomic<int> reset_connections{0};  // that many are reset as soon as they are there

    // What came, in order.
    std::vector<FakeRequest> requests();
    std::size_t count(const std::string& method, const std::string& path_part);
    // Bytes of bodies that were sent.
    std::uint64_t bytes_sent() const { return bytes_sent_; }
    // The tokens handed out before are not taken any more.
    void revoke_tokens();
    // Connections are refused from now on; those that are there end.
    void stop_listening();
    // Ends what it is doing: no hook is called afterwards. Idempotent.
    void stop();
    void listen_again();

  private:
    struct Upload {
        std::string repository;
        std::string content;
        unsigned state = 0;
        bool ended = false;  // a chunk came that only the last one may be
    };
    struct Manifest {
        std::string raw;
        std::string media_type;
    };

    void listen();
    void accept_loop();
    void serve(int fd);
    bool read_request(int fd, std::string& buffer, FakeRequest& request);
    bool send_response(int fd, const FakeRequest& request, const FakeResponse& response);
    bool sleep(std::chrono::milliseconds time);
    FakeResponse answer(const FakeRequest& request);
    std::optional<FakeResponse> check_authorization(const FakeRequest& request);
    FakeResponse answer_token(const FakeRequest& request);
    FakeResponse answer_manifest(const FakeRequest& request, const std::string& repository,
                                 const std::string& reference);
    FakeResponse put_manifest(const FakeRequest& request, const std::string& repository,
                              const std::string& reference);
    FakeResponse answer_blob(const FakeRequest& request, const std::string& repository,
                             const std::string& digest);
    FakeResponse start_upload(const FakeRequest& request, const std::string& repository);
    FakeResponse answer_upload(const FakeRequest& request, const std::string& repository,
                               const std::string& id);
    FakeResponse finish_upload(const FakeRequest& request, const std::string& id);
    FakeResponse answer_tags(const FakeRequest& request, const std::string& repository);
    FakeResponse answer_referrers(const FakeRequest& request, const std::string& repository,
                                  const std::string& digest);
    std::string location_of(const std::string& id);

    int listener_ = -1;
    std::uint16_t port_ = 0;
    std::mutex mutex_;
    std::condition_variable stopping_;
    bool stop_ = false;
    std::vector<FakeRequest> requests_;
    std::map<std::string, std::string> blobs_;   // repository@digest
    std::map<std::string, Manifest> manifests_;  // repository@digest
    std::map<std::string, std::string> tags_;    // repository:tag -> digest
    std::map<std::string, Upload> uploads_;
    std::set<std::string> tokens_;
    unsigned next_id_ = 0;
    std::atomic<std::uint64_t> bytes_sent_{0};
    std::set<int> connections_;
    std::vector<std::thread> threads_;
    std::thread acceptor_;
};

}  // namespace osb::test
