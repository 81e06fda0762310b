// The machine's own state in the bootable layout: /var, and the directories that become links into it.
#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.hh"
#include "base/escape.hh"
#include "ostree/layout/bootable_layout.hh"

namespace osb::ostree {
namespace {

struct StatePlace {
    std::string_view path;    // in the image
    std::string_view state;   // in the running system
    std::string_view target;  // text of the link at `path`
    bool may_stay;            // stays part of the image if it has files
};

constexpr std::array<StatePlace, 6> kPlaces{{
    {"home", "var/home", "var/home", false},
    {"root", "var/roothome", "var/roothome", false},
    {"srv", "var/srv", "var/srv", false},
    {"mnt", "var/mnt", "var/mnt", false},
    {"opt", "var/opt", "var/opt", true},
    {"usr/local", "var/usrlocal", "../var/usrlocal", true},
}};

std::string factory_path(const StatePlace& place) {
    return concat(kFactory, '/', place.state);
}

// Decides whether the image's content at `place` moves to /var. Adds the decision to the report.
bool moves(const StatePlace& place, const Node& node, LayoutReport& report) {
    const TreeCount count = count_below(node);
    if (place.may_stay && count.files > 0) {
        report.notes.push_back(concat("/", place.path, ": ", describe(count), " stay part of the image"));
        return false;
    }
    if (count.files + count.directories > 0) {
        report.notes.push_back(concat("/", place.path, ": ", describe(count), " moved to /",
                                      factory_path(place),
                                      ", from where the first boot copies them to /var"));
    }
    return true;
}

// Creates the directory in /var for a place that the image does not have, so that the link to it is not
// dangling.
void make_state_directory(Node& root, const StatePlace& place, LayoutReport& report, ImageBudget& budget) {
    const bool is_private = place.state == "var/roothome";
    const Node* const present = resolve(root, place.state, LastLink::keep, budget).node;
    if (present != nullptr && present->is_directory()) return;
    if (present != nullptr && !present->is_symlink())
        throw Error(ErrorKind::invalid, concat("'/", place.state, "' is a file, not a directory"));
    if (present != nullptr) {
        // Keep a link with an existing target. A dangling one could point back to the link that points to it.
        if (look_up(root, place.state, LastLink::follow, budget).node != nullptr) return;
        report.notes.push_back(
            concat("/", place.state, ": the link to ", escape(present->target), " replaced by a directory"));
        ++report.dropped;
    }
    const std::size_t slash = place.state.rfind('/');
    Node& parent = make_directories(root, place.state.substr(0, slash), budget);
    parent.set_child(place.state.substr(slash + 1), Node::directory(is_private ? 0700 : 0755));
}

// Moves the image's content of the places in kPlaces to /var, as in the running system, and adds links.
void link_places(Node& root, const StoreLink& store_link, LayoutReport& report, ImageBudget& budget) {
    TreeMove move(root, store_link, budget);
    std::vector<const StatePlace*> linked;
    for (const StatePlace& place : kPlaces) {
        const Node* const node = resolve(root, place.path, LastLink::keep, budget).node;
        if (node == nullptr) {
            make_state_directory(root, place, report, budget);
        } else if (node->is_directory()) {
            if (!moves(place, *node, report)) continue;
            move.plan(place.path, place.state);
        } else if (node->is_symlink()) {
            continue;
        } else {
            throw Error(ErrorKind::invalid, concat("'/", place.path, "' is a file, not a directory"));
        }
        linked.push_back(&place);
    }
    move.apply();
    add_moves(report, move);
    for (const StatePlace* place : linked) {
        const std::size_t slash = place->path.rfind('/');
        const bool at_top = slash == std::string_view::npos;
        Node& parent = at_top ? root : make_directories(root, place->path.substr(0, slash), budget);
        add_link(parent, at_top ? place->path : place->path.substr(slash + 1), store_link, place->target,
                 report);
    }
}

// Checks that the factory directory is part of the image. Through a link, the content of /var might move into
// /var itself, into a directory that the running system hides, or into /etc, which every machine changes.
void check_factory(Node& root, ImageBudget& budget) {
    make_directories(root, kFactory, budget);
    const Resolved found = resolve(root, kFactory, LastLink::follow, budget);
    const std::string& place = found.canonical;
    for (const std::string_view outside :
         {"var", "etc", "usr/etc", "boot", "run", "tmp", "dev", "proc", "sys", "sysroot", "ostree"}) {
        const bool is_outside =
            place.starts_with(outside) && (place.size() == outside.size() || place[outside.size()] == '/');
        if (!is_outside && found.node != nullptr) continue;
        throw Error(ErrorKind::invalid,
                    concat("'/", kFactory, "', the place for the files of /var, points to ",
                           quoted(concat('/', place)), ", which is not part of the image"))
            .hint("make /usr/share a directory of the image, or import with --layout plain");
    }
}

}  // namespace

void place_state(Node& root, const StoreLink& store_link, LayoutReport& report, ImageBudget& budget) {
    Node* var = root.child("var");
    if (var == nullptr) var = &root.set_child("var", Node::directory());
    if (const TreeCount count = count_below(*var); count.files + count.directories > 0) {
        report.notes.push_back(concat("/var: ", describe(count), " moved to /", kFactory,
                                      "/var, from where the first boot copies them to /var"));
    }
    link_places(root, store_link, report, budget);
    check_factory(root, budget);
    Node empty = Node::directory(var->mode, var->uid, var->gid);
    empty.xattrs = var->xattrs;
    // In the running system, these files are in /var, so their links keep their text.
    TreeMove move(root, store_link, budget);
    move.plan("var", concat(kFactory, "/var"), "var");
    move.apply();
    add_moves(report, move);
    root.set_child("var", std::move(empty));
}

}  // namespace osb::ostree
