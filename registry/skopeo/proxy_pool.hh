// Image proxies that are started when they are needed and used again.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "registry/skopeo/scratch_directory.hh"
#include "registry/skopeo/skopeo_proxy.hh"

namespace osb::registry {

// Lends proxies that all have one image open. Threads may use it at once; it outlives what it lends.
class ProxyPool {
  public:
    // `argv`: the proxy's command line; `name`: the image; `failure_kind`: see SkopeoProxy::open_image().
    ProxyPool(std::vector<std::string> argv, std::string name, ErrorKind failure_kind);

    // An idle proxy or a new one.
    std::unique_ptr<SkopeoProxy> take();
    // Takes it back; `reusable` false ends its process.
    void give_back(std::unique_ptr<SkopeoProxy> proxy, bool reusable) noexcept;

    // From now on new proxies open this name: the digest where `name` was a tag, which may move.
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

// A proxy on loan, given back when this goes.
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
    // The process is to end when it comes back.
    void retire() noexcept { reusable_ = false; }

  private:
    std::shared_ptr<ProxyPool> pool_;
    std::unique_ptr<SkopeoProxy> proxy_;
    bool reusable_ = true;
};

}  // namespace osb::registry
