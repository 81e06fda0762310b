// The part of the bootable layout that belongs to the machine and not to the image: /var, and what becomes a
// link into it.
#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.hh"
#include "base/escape.hh"
#include "ostree/bootable_layout.hh"

namespace osb::ostree {
namespace {

struct StatePlace {
    std::string_view path;    // in the image
    std::string_view state;   // in the running system
    std::string_view target;  // text of the link at `path`; "" for /var itself
    bool may_stay;            // with files in it, it stays part of the image
};

constexpr std::array<StatePlace, 7> kPlaces{{
    {"var", "var", "", false},
    {"home", "var/home", "var/home", false},
    {"root", "var/roothome", "var/roothome", false},
    {"srv", "var/srv", "var/srv", false},
    {"mnt", "var/mnt", "var/mnt", false},
    {"opt", "var/opt", "var/opt", true},
    {"usr/local", "var/usrlocal", "../var/usrlocal", true},
}};

constexpr std::string_view kFactory = "usr/share/factory";

std::string factory_path(const StatePlace& place) {
    return concat(kFactory, '/', place.state);
}

// Whether what the image has at `place` moves to the factory. Says so, and why not, in the report.
bool moves(const StatePlace& place, const Node& node, LayoutReport& report) {
    const TreeCount count = count_below(node);
    if (place.may_stay && count.files > 0) {
        report.notes.push_back(concat("/", place.path, ": ", describe(count), " stay part of the image"));
        return false;
    }
    if (count.files + count.directories > 0) {
        report.notes.push_back(concat("/", place.path, ": ", describe(count), " moved to /",
                                      factory_path(place), ", from where a first boot puts them in place"));
    }
    return true;
}

}  // namespace

void place_state(Node& root, const StoreLink& store_link, LayoutReport& report) {
    TreeMove move(root, store_link);
    std::vector<const StatePlace*> linked;
    Node var = Node::directory();
    for (const StatePlace& place : kPlaces) {
        Node* const node = resolve(root, place.path, LastLink::keep).node;
        if (node == nullptr) {
            // The first boot makes it, so that the link leads somewhere.
            const bool private_home = place.state == "var/roothome";
            Node& made = make_directories(root, factory_path(place));
            made.mode = private_home ? 0700 : 0755;
            linked.push_back(&place);
        } else if (node->is_directory()) {
            if (place.target.empty()) {
                var = Node::directory(node->mode, node->uid, node->gid);
                var.xattrs = node->xattrs;
            }
            if (!moves(place, *node, report)) continue;
            move.plan(place.path, factory_path(place), place.state);
            linked.push_back(&place);
        } else if (!node->is_symlink()) {
            throw Error(ErrorKind::invalid,
                        concat(quoted(concat('/', place.path)), " is a file, not a directory"));
        }
    }
    move.apply();
    for (const StatePlace* place : linked) {
        if (place->target.empty()) continue;
        const std::size_t slash = place->path.rfind('/');
        Node& parent =
            slash == std::string_view::npos ? root : make_directories(root, place->path.substr(0, slash));
        const std::string_view name =
            slash == std::string_view::npos ? place->path : place->path.substr(slash + 1);
        parent.set_child(name, Node::symlink(store_link(place->target, 0, 0), place->target));
    }
    if (const Node* const link = root.child("var"); link == nullptr) root.set_child("var", std::move(var));
}

}  // namespace osb::ostree
