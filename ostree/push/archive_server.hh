// Serves an ArchiveOffer over HTTP to those whom a push over SSH lets in: at a Unix socket that only we can
// reach, below a path that nobody can guess. The server's end of the tunnel is a TCP port there that any of
// its users may connect to.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/fd.hh"
#include "base/pipe.hh"
#include "base/progress.hh"
#include "oci/codec/deflater.hh"
#include "ostree/push/archive_offer.hh"
#include "ostree/push/http_request.hh"

namespace osb::ostree {

class ArchiveServer {
  public:
    // Serves at a socket that it makes at `socket_path`, which must not exist, in a directory that is ours
    // alone, and short enough for a socket. `offer` and `progress` are borrowed. Throws Error.
    ArchiveServer(ArchiveOffer& offer, std::string socket_path, Progress& progress);
    ArchiveServer(const ArchiveServer&) = delete;
    ArchiveServer& operator=(const ArchiveServer&) = delete;
    // Ends all connections.
    ~ArchiveServer();

    const std::string& socket_path() const noexcept { return socket_path_; }
    // The first part of every path: "/TOKEN".
    const std::string& prefix() const noexcept { return prefix_; }

    // Waits until no request is being answered, then offers another commit (ArchiveOffer::set).
    void offer(const RefName& ref, const CommitId& commit, bool probing);
    // Whether somebody asked for an object that is not offered: after a probe, whether the commit, or any of
    // what belongs to it, is missing there.
    bool lacks_object() const noexcept { return lacks_object_; }
    // Throws what kept us from answering a request, if anything did: an object that is missing or damaged.
    void rethrow_failure();

    std::uint64_t objects_sent() const noexcept { return objects_sent_; }
    std::uint64_t bytes_sent() const noexcept { return bytes_sent_; }

  private:
    struct Connection {
        Fd socket;
        std::thread thread;
        std::atomic<bool> done{false};
        // Of files that have to be compressed; made with the first one.
        std::unique_ptr<oci::Deflater> deflater;
        std::vector<std::uint8_t> piece;
    };
    class ReplyGuard;  // while it lives, the offer stays as it is

    void accept_loop() noexcept;
    void accept_one();
    void serve(Connection& connection) noexcept;
    bool serve_one(Connection& connection, std::string& buffer);
    bool answer(Connection& connection, const HttpRequest& request);
    void send_file(int socket, OfferedFile& file);
    void send_deflated(Connection& connection, OfferedFile& file);
    void send(int socket, std::string_view bytes);
    void reap(bool all);

    ArchiveOffer& offer_;
    Progress& progress_;
    std::string socket_path_;
    std::string prefix_;
    Fd listener_;
    Pipe stop_;
    std::thread acceptor_;
    std::list<Connection> connections_;  // of the acceptor alone, and of the destructor after it
    std::mutex mutex_;
    std::condition_variable idle_;
    unsigned answering_ = 0;
    std::exception_ptr failure_;
    std::atomic<bool> lacks_object_{false};
    std::atomic<std::uint64_t> objects_sent_{0};
    std::atomic<std::uint64_t> bytes_sent_{0};
};

}  // namespace osb::ostree
