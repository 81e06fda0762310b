#include "oci/documents/json_members.hh"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"

namespace osb::oci {
namespace {

[[noreturn]] void refuse_member(std::string_view what, const char* key, std::string_view problem) {
    throw Error(ErrorKind::invalid, concat(what, ": '", key, "' ", problem));
}

const Json& required_member(const Json& object, const char* key, std::string_view what) {
    const Json* value = find_member(object, key);
    if (value == nullptr) refuse_member(what, key, "is missing");
    return *value;
}

// Also handles numbers above the signed range, which get() would turn negative.
bool is_within(const Json& value, std::int64_t least, std::int64_t most) {
    // JSON has -0, but programs do not write it.
    if (least >= 0 ? !value.is_number_unsigned() : !value.is_number_integer()) return false;
    constexpr auto kMax = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    if (value.is_number_unsigned() && value.get<std::uint64_t>() > kMax) return false;
    return value.get<std::int64_t>() >= least && value.get<std::int64_t>() <= most;
}

}  // namespace

const Json* find_member(const Json& object, const char* key) {
    const auto found = object.find(key);
    return found == object.end() || found->is_null() ? nullptr : &*found;
}

const Json& member_or_null(const Json& object, const char* key) {
    static const Json nothing;
    const Json* value = find_member(object, key);
    return value == nullptr ? nothing : *value;
}

std::string text_or_empty(const Json& object, const char* key) {
    const Json& value = member_or_null(object, key);
    return value.is_string() ? value.get<std::string>() : std::string();
}

void require_object(const Json& value, std::string_view what) {
    if (!value.is_object()) throw Error(ErrorKind::invalid, concat(what, ": not a JSON object"));
}

void require_only_members(const Json& value, std::initializer_list<std::string_view> allowed,
                          std::string_view what) {
    require_object(value, what);
    for (const auto& [key, member] : value.items()) {
        const bool is_known = std::find(allowed.begin(), allowed.end(), key) != allowed.end();
        if (!is_known) throw Error(ErrorKind::invalid, concat(what, ": unknown member ", quoted(key)));
    }
}

const std::string& required_string(const Json& object, const char* key, std::string_view what) {
    const Json& value = required_member(object, key, what);
    if (!value.is_string()) refuse_member(what, key, "is not a string");
    return value.get_ref<const std::string&>();
}

std::string optional_string(const Json& object, const char* key, std::string_view what) {
    return find_member(object, key) == nullptr ? std::string() : required_string(object, key, what);
}

std::int64_t required_integer(const Json& object, const char* key, std::int64_t least, std::int64_t most,
                              std::string_view what) {
    const Json& value = required_member(object, key, what);
    if (!is_within(value, least, most)) {
        constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
        refuse_member(what, key,
                      most == kMax ? concat("is not an integer from ", least, " to 2^63-1")
                                   : concat("is not an integer from ", least, " to ", most));
    }
    return value.get<std::int64_t>();
}

std::uint64_t required_count(const Json& object, const char* key, std::string_view what) {
    return static_cast<std::uint64_t>(
        required_integer(object, key, 0, std::numeric_limits<std::int64_t>::max(), what));
}

bool optional_flag(const Json& object, const char* key, std::string_view what) {
    const Json* value = find_member(object, key);
    if (value == nullptr) return false;
    if (!value->is_boolean()) refuse_member(what, key, "is not true or false");
    return value->get<bool>();
}

std::map<std::string, std::string> string_map(const Json& object, const char* key, std::string_view what) {
    std::map<std::string, std::string> out;
    const Json* value = find_member(object, key);
    if (value == nullptr) return out;
    if (!value->is_object()) refuse_member(what, key, "is not an object");
    for (const auto& [name, text] : value->items()) {
        if (!text.is_string()) {
            throw Error(ErrorKind::invalid,
                        concat(what, ": '", key, "': ", quoted(name), " is not a string"));
        }
        out.emplace(name, text.get<std::string>());
    }
    return out;
}

const Json& required_array(const Json& object, const char* key, std::size_t limit, std::string_view what) {
    const Json& value = required_member(object, key, what);
    if (!value.is_array()) refuse_member(what, key, "is not an array");
    if (value.size() > limit) {
        throw Error(ErrorKind::too_large,
                    concat(what, ": ", value.size(), " entries in '", key, "'; the limit is ", limit));
    }
    return value;
}

std::vector<std::string> optional_strings(const Json& object, const char* key, std::size_t limit,
                                          std::string_view what) {
    std::vector<std::string> out;
    if (find_member(object, key) == nullptr) return out;
    for (const Json& element : required_array(object, key, limit, what)) {
        if (!element.is_string()) {
            throw Error(ErrorKind::invalid, concat(what, ": an element of '", key, "' is not a string"));
        }
        out.push_back(element.get<std::string>());
    }
    return out;
}

}  // namespace osb::oci
