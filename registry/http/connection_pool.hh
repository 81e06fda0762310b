// The idle connections of a client, and those that its transfers share. Private to this folder.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <map>
#include <mutex>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "registry/http/curl.hh"
#include "registry/http/http_client.hh"
#include "registry/http/link_meter.hh"
#include "registry/http/shared_multi.hh"

namespace osb::registry {

inline constexpr std::size_t kMaxIdleConnections = 16;

// A handle for one transfer, with its cached connections.
struct Connection {
    Easy easy;
    Multi multi;
    std::string origin;  // of the last request
};

struct HttpClient::Pool {
    Pool(const HttpLimits& given, ProxySettings given_proxies)
        : limits(given), proxies(std::move(given_proxies)) {
        initialise_curl();
        share.reset(curl_share_init());
        if (!share) throw std::bad_alloc();
        bool ok = curl_share_setopt(share.get(), CURLSHOPT_LOCKFUNC, &Pool::lock) == CURLSHE_OK;
        ok = ok && curl_share_setopt(share.get(), CURLSHOPT_UNLOCKFUNC, &Pool::unlock) == CURLSHE_OK;
        ok = ok && curl_share_setopt(share.get(), CURLSHOPT_USERDATA, this) == CURLSHE_OK;
        for (const curl_lock_data data : {CURL_LOCK_DATA_DNS, CURL_LOCK_DATA_SSL_SESSION}) {
            ok = ok && curl_share_setopt(share.get(), CURLSHOPT_SHARE, data) == CURLSHE_OK;
        }
        if (!ok) throw Error(ErrorKind::internal, "libcurl: cannot share between handles");
    }
    Pool(const Pool&) = delete;
    Pool& operator=(const Pool&) = delete;
    ~Pool() { idle.clear(); }  // before the share that the handles use

    Connection take(const std::string& origin) {
        {
            const std::lock_guard guard(mutex);
            for (std::size_t i = idle.size(); i-- > 0;) {
                if (idle[i].origin != origin) continue;
                Connection out = std::move(idle[i]);
                idle.erase(idle.begin() + static_cast<std::ptrdiff_t>(i));
                return out;
            }
        }
        Connection out{Easy(curl_easy_init()), Multi(curl_multi_init()), origin};
        if (!out.easy || !out.multi) throw std::bad_alloc();
        return out;
    }

    void give_back(Connection connection) noexcept {
        const std::lock_guard guard(mutex);
        try {
            if (idle.size() >= kMaxIdleConnections) idle.erase(idle.begin());
            idle.push_back(std::move(connection));
        } catch (const std::bad_alloc&) {  // only closes the connection
            return;
        }
    }

    // Returns true if a transfer to the server is to use the shared connections: the server has HTTP/2, or
    // nobody uses them now. Call leave_shared() after the transfer.
    bool enter_shared(const std::string& origin) {
        const std::lock_guard guard(mutex);
        const auto known = has_http2.find(origin);
        if (in_shared > 0 && (known == has_http2.end() || !known->second)) return false;
        ++in_shared;
        return true;
    }
    void leave_shared() noexcept {
        const std::lock_guard guard(mutex);
        --in_shared;
    }
    void note_version(const std::string& origin, long version) {
        const std::lock_guard guard(mutex);
        has_http2.insert_or_assign(origin, version == CURL_HTTP_VERSION_2_0);
    }

    // Adds a complete download to what is known about the link.
    void note_link(CURL* handle) noexcept {
        if (const auto times = transfer_times(handle)) link.add(times->wait, times->body, times->bytes);
    }

    static void lock(CURL* /*handle*/, curl_lock_data data, curl_lock_access /*access*/, void* self) {
        static_cast<Pool*>(self)->locks[data].lock();
    }
    static void unlock(CURL* /*handle*/, curl_lock_data data, void* self) {
        static_cast<Pool*>(self)->locks[data].unlock();
    }

    const HttpLimits limits;
    const ProxySettings proxies;
    std::array<std::mutex, CURL_LOCK_DATA_LAST> locks;
    Share share;
    SharedMulti shared;
    std::mutex mutex;  // protects the following members
    std::vector<Connection> idle;
    std::map<std::string, bool> has_http2;  // by origin
    unsigned in_shared = 0;                 // transfers
    std::atomic<std::uint64_t> requests{0};
    std::atomic<std::uint64_t> bytes{0};  // of the bodies of responses
    LinkMeter link;
};

}  // namespace osb::registry
