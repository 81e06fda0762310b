#include "registry/skopeo/proxy_pool.hh"

#include <utility>

namespace osb::registry {
namespace {

// The limit of idle proxies. Each reading thread needs one.
constexpr std::size_t kMaxIdleProxies = 4;

std::vector<std::string> with_scratch(std::vector<std::string> argv, const ScratchDirectory& scratch) {
    // This is a global option of skopeo, so it precedes the verb.
    argv.insert(argv.begin() + 1, {"--tmpdir", scratch.path()});
    argv.emplace_back("experimental-image-proxy");
    return argv;
}

}  // namespace

ProxyPool::ProxyPool(std::vector<std::string> argv, std::string name, ErrorKind failure_kind)
    : argv_(with_scratch(std::move(argv), scratch_)), failure_kind_(failure_kind), name_(std::move(name)) {
    idle_.reserve(kMaxIdleProxies);
}

std::unique_ptr<SkopeoProxy> ProxyPool::take() {
    std::string name;
    {
        const std::lock_guard lock(mutex_);
        if (!idle_.empty()) {
            std::unique_ptr<SkopeoProxy> proxy = std::move(idle_.back());
            idle_.pop_back();
            return proxy;
        }
        name = name_;
    }
    std::unique_ptr<SkopeoProxy> proxy = SkopeoProxy::start(argv_);
    proxy->open_image(name, failure_kind_);
    return proxy;
}

void ProxyPool::give_back(std::unique_ptr<SkopeoProxy> proxy, bool reusable) noexcept {
    proxy->abandon_blob();
    if (!reusable || proxy->broken()) return;
    const std::lock_guard lock(mutex_);
    if (idle_.size() < kMaxIdleProxies) idle_.push_back(std::move(proxy));
}

void ProxyPool::set_name(std::string name) {
    const std::lock_guard lock(mutex_);
    name_ = std::move(name);
}

}  // namespace osb::registry
