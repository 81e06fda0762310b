#include "image/lint/lint_tree.hh"

#include <deque>
#include <vector>

#include "ostree/layout/bootable_layout.hh"
#include "ostree/tree/tree.hh"

namespace osb::image {
namespace {

constexpr int kMaxFollowed = 40;  // as Linux

// Walks along a path and keeps the path without links.
class Resolution {
  public:
    Resolution(const LintTree& tree, std::string_view path) : tree_(tree), laid_out_(tree.is_laid_out()) {
        for (const std::string_view part : ostree::split_path(path)) rest_.emplace_back(part);
    }

    std::optional<FoundEntry> run() {
        while (!rest_.empty()) {
            const std::string part = std::move(rest_.front());
            rest_.pop_front();
            if (!step(part)) return std::nullopt;
        }
        const LintEntry* const entry = tree_.at(here_);
        if (entry == nullptr) return std::nullopt;
        return FoundEntry{here_, entry};
    }

  private:
    bool step(const std::string& part) {
        if (part == "..") {
            // From the places of /etc and /var, the running system gets to the root.
            const bool at_top = laid_out_ && (here_ == "usr/etc" || here_ == factory_var());
            here_ = at_top ? std::string() : std::string(parent_path(here_));
            return true;
        }
        std::string next = ostree::join_path(here_, part);
        if (laid_out_ && next == "etc") next = "usr/etc";
        if (laid_out_ && next == "var" && tree_.at(factory_var()) != nullptr) next = factory_var();
        const LintEntry* const entry = tree_.at(next);
        if (entry == nullptr) return false;
        if (entry->kind != LintKind::symlink) {
            here_ = std::move(next);
            return entry->kind == LintKind::directory || rest_.empty();
        }
        if (++links_ > kMaxFollowed) return false;
        if (entry->target.starts_with('/')) here_.clear();
        const std::vector<std::string_view> parts = ostree::split_path(entry->target);
        rest_.insert(rest_.begin(), parts.begin(), parts.end());
        return true;
    }

    static std::string factory_var() { return concat(ostree::kFactory, "/var"); }

    const LintTree& tree_;
    const bool laid_out_;
    std::string here_;
    std::deque<std::string> rest_;
    int links_ = 0;
};

}  // namespace

std::string_view base_name(std::string_view path) noexcept {
    const std::size_t slash = path.rfind('/');
    return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

std::string_view parent_path(std::string_view path) noexcept {
    const std::size_t slash = path.rfind('/');
    return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

bool LintTree::is_laid_out() const {
    const LintEntry* const etc = at("usr/etc");
    return etc != nullptr && etc->kind == LintKind::directory && at("etc") == nullptr;
}

const LintEntry* LintTree::at(std::string_view path) const {
    const auto found = entries_.find(path);
    return found == entries_.end() ? nullptr : &found->second;
}

std::optional<FoundEntry> LintTree::resolve(std::string_view path) const {
    return Resolution(*this, path).run();
}

std::string LintTree::read_head(const std::string& path, std::size_t limit) const {
    std::string out(limit, '\0');
    const std::unique_ptr<Source> content = open(path);
    out.resize(read_full(*content, {reinterpret_cast<std::uint8_t*>(out.data()), out.size()}));
    return out;
}

}  // namespace osb::image
