// Parts of a tree moved to another place, or into one that exists already, so that every link keeps its
// meaning.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "ostree/tree.hh"

namespace osb::ostree {

// Stores a symbolic link's object and returns its checksum.
using StoreLink = std::function<Sha256(std::string_view target, std::uint32_t uid, std::uint32_t gid)>;

// The text of a link in directory `old_dir` that moves with the subtree `old_root` to `new_dir`: unchanged
// when it is absolute or stays inside the subtree, else rewritten so that it leads to where it led. Paths are
// canonical, without leading '/'.
std::string relocate_target(Node& root, std::string_view target, std::string_view old_dir,
                            std::string_view new_dir, std::string_view old_root);

// Moves of whole directories into others. First plan() all of them, on the tree as it was, then apply(): what
// a link leads to can only be told while nothing has moved.
class TreeMove {
  public:
    // `root` and `store_link` are borrowed.
    TreeMove(Node& root, StoreLink store_link) : root_(root), store_link_(std::move(store_link)) {}

    // Plans to move the directory `from` to `to`, merging it with what is there: of two directories the
    // contents are united and the one in `to` keeps its metadata; of a link and what it leads to the latter
    // stays; the same object twice is one. `lives_at` is the path under which what moves will be found when
    // the system runs, if that is not `to`. Throws Error{invalid} that names both when two different files
    // want one place.
    void plan(std::string_view from, std::string_view to, std::string_view lives_at = {});

    // Carries the moves out in the order in which they were planned. The directories `from` are gone then.
    void apply();

    // What the moves changed besides places, a line each, escaped.
    std::vector<std::string>& notes() noexcept { return notes_; }

  private:
    struct Move {
        std::string from;
        std::string to;
        std::string lives_at;
    };
    enum class Keep { from, to };

    void plan_merge(const Node& from, const std::string& from_path, const Node& to,
                    const std::string& to_path);
    Keep choose(const Node& from, const std::string& from_path, const Node& to, const std::string& to_path);
    void relocate_links(Node& node, const std::string& old_path, const std::string& new_path,
                        const std::string& old_root);
    std::string place_of(const std::string& from, const std::string& to) const;
    void straighten_links(Node& directory, const std::string& path);
    bool climbs_out_of_a_move(std::string_view target, const std::string& directory) const;
    bool takes_place_of(const Node& from, const std::string& from_path, const Node& other,
                        const std::string& other_path) const;
    void merge(Node& from, const std::string& from_path, Node& to, const std::string& to_path);

    Node& root_;
    StoreLink store_link_;
    std::vector<Move> moves_;
    std::vector<std::string> notes_;
    std::map<std::string, Keep> choices_;             // by the path of the one that moves
    std::map<std::string, std::string> new_targets_;  // of links that move, by their old path
};

}  // namespace osb::ostree
