// The headers of the standard library that nearly every unit includes, read once for each module. A file
// includes what it uses all the same: the preset `debug` builds without this.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
