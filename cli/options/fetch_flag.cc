#include "cli/options/fetch_flag.hh"

namespace osb::cli {

void FetchFlag::declare(Arguments& arguments) {
    arguments.add(
        {{.name = "--fetch",
          .value = "WAY",
          .help = "objects: only what the repository lacks; layers: whole layers; delta: differences "
                  "between files; auto: the one that transfers less",
          .default_shown = "auto",
          .allowed = {"auto", "delta", "objects", "layers"},
          .target = &text}});
}

ostree::FetchWay FetchFlag::way() const {
    if (text == "delta") return ostree::FetchWay::delta;
    if (text == "objects") return ostree::FetchWay::objects;
    if (text == "layers") return ostree::FetchWay::layers;
    return ostree::FetchWay::automatic;
}

}  // namespace osb::cli
