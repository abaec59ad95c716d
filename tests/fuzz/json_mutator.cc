#include "tests/fuzz/json_mutator.h"

#include <iterator>
#include <random>
#include <utility>
#include <vector>

#include "pdp/fhir/json.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

namespace pdp::fuzz {
namespace {

using fhir::JsonArray;
using fhir::JsonElement;
using fhir::JsonObject;

// JSON that can be changed.
struct Node {
  enum class Kind { kScalar, kString, kArray, kObject };
  Kind kind = Kind::kScalar;
  std::string text;  // Of a scalar its JSON, of a string what it says.
  std::string name;  // Of a member.
  std::vector<Node> children;
};

Node Copy(std::string_view name, JsonElement element) {
  Node node;
  node.name = name;
  if (JsonObject object; element.get(object) == simdjson::SUCCESS) {
    node.kind = Node::Kind::kObject;
    for (const auto& [member, value] : object) {
      node.children.push_back(Copy(member, value));
    }
  } else if (JsonArray array; element.get(array) == simdjson::SUCCESS) {
    node.kind = Node::Kind::kArray;
    for (const JsonElement item : array) {
      node.children.push_back(Copy("", item));
    }
  } else if (const auto text = fhir::AsString(element)) {
    node.kind = Node::Kind::kString;
    node.text = *text;
  } else {
    node.text = fhir::ToJson(element);
  }
  return node;
}

void Print(const Node& node, std::string& out) {
  if (node.kind == Node::Kind::kScalar) {
    out += node.text;
    return;
  }
  if (node.kind == Node::Kind::kString) {
    out += fhir::QuoteJson(node.text);
    return;
  }
  const bool is_object = node.kind == Node::Kind::kObject;
  out += is_object ? '{' : '[';
  for (size_t i = 0; i < node.children.size(); ++i) {
    if (i > 0) out += ',';
    if (is_object) {
      out += fhir::QuoteJson(node.children[i].name);
      out += ':';
    }
    Print(node.children[i], out);
  }
  out += is_object ? '}' : ']';
}

void Collect(Node& node, std::vector<Node*>& nodes) {
  nodes.push_back(&node);
  for (Node& child : node.children) Collect(child, nodes);
}

class Mutation {
 public:
  Mutation(uint32_t seed, const TextMutator& mutate_text)
      : random_(seed), mutate_text_(mutate_text) {}

  void Apply(Node& root) {
    std::vector<Node*> nodes;
    Collect(root, nodes);
    Node& node = *nodes[Below(nodes.size())];
    const Node other = *nodes[Below(nodes.size())];
    if (node.kind == Node::Kind::kString && Below(8) != 0) {
      node.text = mutate_text_(node.text);
      return;
    }
    if (node.children.empty() || Below(4) == 0) {
      Replace(node, other);
      return;
    }
    ChangeChildren(node, other);
  }

 private:
  size_t Below(size_t bound) { return random_() % bound; }

  void Replace(Node& node, const Node& other) {
    static const char* const kScalars[] = {"null",
                                           "true",
                                           "false",
                                           "0",
                                           "-1",
                                           "1e300",
                                           "0.1",
                                           "9223372036854775807",
                                           "18446744073709551615"};
    switch (Below(4)) {
      case 0:
        Set(node, {Node::Kind::kScalar, kScalars[Below(std::size(kScalars))]});
        break;
      case 1:
        Set(node, {Node::Kind::kString, mutate_text_("a")});
        break;
      case 2: {
        Node array{Node::Kind::kArray};
        array.children.push_back(node);
        Set(node, std::move(array));
        break;
      }
      default:
        Set(node, other);
        break;
    }
  }

  // A member keeps its name.
  static void Set(Node& node, Node value) {
    value.name = node.name;
    node = std::move(value);
  }

  void ChangeChildren(Node& node, const Node& other) {
    auto& children = node.children;
    const size_t at = Below(children.size());
    switch (Below(5)) {
      case 0:
        children.erase(children.begin() + static_cast<ptrdiff_t>(at));
        break;
      case 1:
        children.insert(children.begin() + static_cast<ptrdiff_t>(at),
                        children[Below(children.size())]);
        break;
      case 2:
        std::swap(children[at], children[Below(children.size())]);
        break;
      case 3:
        children[at].name = mutate_text_(children[at].name);
        break;
      default:
        children.push_back(other);
        children.back().name = mutate_text_(children[at].name);
        break;
    }
  }

  std::minstd_rand random_;
  const TextMutator& mutate_text_;
};

}  // namespace

std::optional<std::string> MutateJson(std::string_view json, uint32_t seed,
                                      const TextMutator& mutate_text) {
  simdjson::dom::parser parser;
  JsonElement element;
  const simdjson::padded_string padded(json.data(), json.size());
  if (parser.parse(padded).get(element) != simdjson::SUCCESS) {
    return std::nullopt;
  }
  Node root = Copy("", element);
  Mutation mutation(seed, mutate_text);
  // Now and then several changes at once.
  for (uint32_t i = 0; i <= seed % 3; ++i) mutation.Apply(root);
  std::string out;
  Print(root, out);
  return out;
}

std::string MutateText(std::string_view text, size_t max_growth) {
  std::string out(text);
  out.resize(text.size() + max_growth);
  out.resize(LLVMFuzzerMutate(reinterpret_cast<uint8_t*>(out.data()),
                              text.size(), out.size()));
  return out;
}

}  // namespace pdp::fuzz
