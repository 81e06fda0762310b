// The choice of the way to fetch an image.
#pragma once

namespace osb::ostree {

enum class FetchWay {
    automatic,  // the one that transfers less, for each layer
    delta,      // only by a delta
    objects,    // missing objects, or files of an ordinary image
    layers,     // missing layers as a whole
};

// The way for what no delta gave.
inline FetchWay way_without_delta(FetchWay way) noexcept {
    return way == FetchWay::delta ? FetchWay::automatic : way;
}

}  // namespace osb::ostree
