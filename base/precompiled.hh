// Precompiled standard library headers that nearly every source includes. Each file must still include what
// it uses: the preset `debug` builds without this header.
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
