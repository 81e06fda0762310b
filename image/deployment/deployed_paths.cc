#include "image/deployment/deployed_paths.hh"

#include <deque>
#include <vector>

#include "base/error.hh"
#include "base/escape.hh"

namespace osb::image {
namespace {

class Walk {
  public:
    Walk(SysrootLayout& layout, std::string_view path, bool make_parents, std::int64_t time)
        : layout_(layout), path_(path), make_parents_(make_parents), time_(time) {}

    PlacedEntry run() {
        std::deque<std::string> rest;
        for (const std::string_view part : path_parts(path_)) rest.emplace_back(part);
        if (rest.empty() || rest.back() == "." || rest.back() == "..") refuse("does not name a file");
        while (rest.size() > 1) {
            const std::string part = std::move(rest.front());
            rest.pop_front();
            step(part, rest);
        }
        if (below_.empty() || !is_writable()) {
            refuse("is neither in /etc nor in /var; the rest of the system comes from the image");
        }
        return {here(), rest.front()};
    }

  private:
    [[noreturn]] void refuse(std::string_view why) const {
        throw Error(ErrorKind::invalid, concat(quoted(path_), ' ', why));
    }

    InodeId here() const { return below_.empty() ? layout_.deployment : below_.back(); }
    bool is_writable() const { return below_.front() == layout_.etc || below_.front() == layout_.var; }

    void step(const std::string& part, std::deque<std::string>& rest) {
        if (part == ".") return;
        if (part == "..") {
            if (!below_.empty()) below_.pop_back();
            return;
        }
        // The stateroot's own /var hides that of the deployment.
        if (below_.empty() && part == "var") {
            below_.push_back(layout_.var);
            return;
        }
        const std::optional<InodeId> next = layout_.root.child(here(), part);
        if (!next) {
            below_.push_back(make(part));
            return;
        }
        const Inode& inode = layout_.root.inode(*next);
        if (inode.kind == InodeKind::symlink) {
            follow(inode.content.bytes, rest);
        } else if (inode.kind == InodeKind::directory) {
            below_.push_back(*next);
        } else {
            refuse(concat("contains ", quoted(part), ", which is not a directory"));
        }
    }

    void follow(const std::string& target, std::deque<std::string>& rest) {
        constexpr int kMaxFollowed = 40;
        if (++links_ > kMaxFollowed) refuse("contains too many symbolic links");
        if (target.starts_with('/')) below_.clear();
        const std::vector<std::string_view> parts = path_parts(target);
        rest.insert(rest.begin(), parts.begin(), parts.end());
    }

    InodeId make(const std::string& part) {
        if (!make_parents_ || below_.empty() || !is_writable()) {
            refuse(concat("is in a directory that does not exist: ", quoted(part)));
        }
        // Import moves the home of root here. Other users must not read it.
        const bool is_private = here() == layout_.var && part == "roothome";
        return layout_.root.add_directory(here(), part, {.mode = is_private ? 0700U : 0755U, .mtime = time_});
    }

    SysrootLayout& layout_;
    std::string_view path_;
    bool make_parents_;
    std::int64_t time_;
    std::vector<InodeId> below_;  // the directories below the root, down to where we are
    int links_ = 0;
};

}  // namespace

PlacedEntry place_path(SysrootLayout& layout, std::string_view path, bool make_parents, std::int64_t time) {
    return Walk(layout, path, make_parents, time).run();
}

}  // namespace osb::image
