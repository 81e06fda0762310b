// A pool of image proxies that are started on demand and reused.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/scratch_directory.hh"
#include "registry/skopeo/skopeo_proxy.hh"

namespace osb::registry {

// Lends proxies that all have the same image open. Thread-safe. It must outlive the proxies that it lends.
class ProxyPool {
  public:
    // `argv`: the proxy's command line; `name`: the image; `failure_kind`: see SkopeoProxy::open_image().
    ProxyPool(std::vector<std::string> argv, std::string name, ErrorKind failure_kind);

    // Lends an idle proxy or a new one.
    std::unique_ptr<SkopeoProxy> take();
    // Returns a proxy. `reusable` false ends its process.
    void give_back(std::unique_ptr<SkopeoProxy> proxy, bool reusable) noexcept;

    // Sets the name that new proxies open: the digest if `name` was a tag, because a tag may move.
    void set_name(std::string name);

    const ScratchDirectory& scratch() const noexcept { return scratch_; }

  private:
    ScratchDirectory scratch_;
    std::vector<std::string> argv_;
    ErrorKind failure_kind_;
    std::mutex mutex_;
    std::string name_;
    std::vector<std::unique_ptr<SkopeoProxy>> idle_;
};

// A borrowed proxy. The destructor returns it to the pool.
class ProxyLease {
  public:
    explicit ProxyLease(std::shared_ptr<ProxyPool> pool) : pool_(std::move(pool)), proxy_(pool_->take()) {}
    ProxyLease(const ProxyLease&) = delete;
    ProxyLease& operator=(const ProxyLease&) = delete;
    ProxyLease(ProxyLease&&) noexcept = default;
    ProxyLease& operator=(ProxyLease&&) = delete;
    ~ProxyLease() {
        if (proxy_) pool_->give_back(std::move(proxy_), reusable_);
    }

    SkopeoProxy* operator->() const noexcept { return proxy_.get(); }
    // Ends the process when the proxy is returned.
    void retire() noexcept { reusable_ = false; }

  private:
    std::shared_ptr<ProxyPool> pool_;
    std::unique_ptr<SkopeoProxy> proxy_;
    bool reusable_ = true;
};

}  // namespace osb::registry
