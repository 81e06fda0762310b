// Moves parts of a tree to another place, or merges them into an existing directory, without changing the
// meaning of links.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ostree/tree/tree.hh"

namespace osb::ostree {

// Stores the object of a symbolic link and returns its checksum.
using StoreLink = std::function<Sha256(std::string_view target, std::uint32_t uid, std::uint32_t gid)>;

// Moves directories into others. First plan() all moves, on the unchanged tree, then call apply(): the target
// of a link is only known before anything has moved.
class TreeMove {
  public:
    // `root` and `budget` are borrowed.
    TreeMove(Node& root, StoreLink store_link, ImageBudget& budget)
        : root_(root), store_link_(std::move(store_link)), budget_(budget) {}

    // Plans to move the directory `from` to `to`, and to merge it with an existing one. Two directories are
    // merged, and the one in `to` keeps its metadata. If a link and its target compete, the target stays. Two
    // identical objects become one. Both paths are resolved first. `lives_at` is the path of the moved
    // content in the running system, if it differs from `to`. Throws Error{invalid} with both paths if two
    // different files compete for one path, if a directory would move into itself or into another moved one,
    // or if a component of `to` is a file.
    void plan(std::string_view from, std::string_view to, std::string_view lives_at = {});

    // Executes the moves in the order of plan(). The directories `from` do not exist any more then. All files
    // are kept, except those of gave_way(); throws Error{internal} if one is lost.
    void apply();

    // The number of files and links that were dropped because of an identical one.
    std::size_t gave_way() const noexcept { return gave_way_; }

    // Changes of the moves other than the paths, one line each, escaped.
    std::vector<std::string>& notes() noexcept { return notes_; }

  private:
    struct Move {
        std::string from;
        std::string to;
        std::string lives_at;
    };
    enum class Keep { from, to };

    std::string place_of(const std::string& from, const std::string& to) const;
    void check_nesting(const Move& move) const;
    void plan_merge(const Node& from, const std::string& from_path, const Node& to,
                    const std::string& to_path);
    Keep choose(const Node& from, const std::string& from_path, const Node& to,
                const std::string& to_path) const;
    std::string next_place(const std::string& path, const Node& link) const;
    void plan_links();
    void plan_moved_links(const Node& directory, const std::string& old_path, const std::string& new_path,
                          const std::string& old_root);
    void straighten_links(Node& directory, const std::string& path);
    bool climbs_out_of_a_move(std::string_view target, const std::string& directory) const;
    std::string relocated(std::string_view target, const std::string& old_dir, const std::string& new_dir,
                          const std::string& old_root) const;
    bool is_moved(const std::string& path) const;
    void carry_out(const Move& move);
    bool takes_place_of(const Node& from, const std::string& from_path, const Node& other,
                        const std::string& other_path) const;
    void merge(Node& from, const std::string& from_path, Node& to, const std::string& to_path);
    Resolved end_of(std::string_view path, LastLink last) const {
        return look_up(root_, path, last, budget_);
    }

    Node& root_;
    StoreLink store_link_;
    ImageBudget& budget_;
    std::vector<Move> moves_;
    std::vector<std::string> notes_;
    std::map<std::string, Keep> choices_;             // by the path of the moved node
    std::map<std::string, std::string> new_targets_;  // of moved links, by their old path
    std::size_t gave_way_ = 0;
};

}  // namespace osb::ostree
