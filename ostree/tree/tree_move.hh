// Parts of a tree moved to another place, or into one that exists already, so that every link keeps its
// meaning.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ostree/tree/tree.hh"

namespace osb::ostree {

// Stores a symbolic link's object and returns its checksum.
using StoreLink = std::function<Sha256(std::string_view target, std::uint32_t uid, std::uint32_t gid)>;

// Moves of whole directories into others. First plan() all of them, on the tree as it was, then apply(): what
// a link leads to can only be told while nothing has moved.
class TreeMove {
  public:
    // `root` and `budget` are borrowed.
    TreeMove(Node& root, StoreLink store_link, ImageBudget& budget)
        : root_(root), store_link_(std::move(store_link)), budget_(budget) {}

    // Plans to move the directory `from` to `to`, merging it with what is there: of two directories the
    // contents are united and the one in `to` keeps its metadata; of a link and what it leads to the latter
    // stays; the same object twice is one. Both paths are looked up: what moves, and where to, is what they
    // lead to. `lives_at` is the path under which what moves will be found when the system runs, if that is
    // not `to`. Throws Error{invalid} that names both when two different files want one place, when a
    // directory would move into itself or into another one that moves, and when a part of `to` is a file.
    void plan(std::string_view from, std::string_view to, std::string_view lives_at = {});

    // Carries the moves out in the order in which they were planned. The directories `from` are gone then.
    // Every file is there afterwards, but for gave_way(); throws Error{internal} when one is not.
    void apply();

    // How many files and links gave way to what is the same.
    std::size_t gave_way() const noexcept { return gave_way_; }

    // What the moves changed besides places, a line each, escaped.
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
    std::map<std::string, Keep> choices_;             // by the path of the one that moves
    std::map<std::string, std::string> new_targets_;  // of links that move, by their old path
    std::size_t gave_way_ = 0;
};

}  // namespace osb::ostree
