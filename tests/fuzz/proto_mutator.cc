#include "tests/fuzz/proto_mutator.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <random>
#include <string>
#include <vector>

namespace pdp::fuzz {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

class Mutation {
 public:
  Mutation(uint32_t seed, const TextMutator& mutate_text)
      : random_(seed), mutate_text_(mutate_text) {}

  void Apply(Message& message) {
    const auto& type = *message.GetDescriptor();
    if (type.field_count() == 0) return;
    const FieldDescriptor& field =
        *type.field(static_cast<int>(Below(type.field_count())));
    if (field.is_repeated()) {
      ChangeRepeated(message, field);
    } else {
      ChangeSingle(message, field);
    }
  }

 private:
  uint32_t Below(int bound) {
    return static_cast<uint32_t>(random_() % static_cast<uint32_t>(bound));
  }

  uint64_t Number() {
    static constexpr uint64_t kEdges[] = {
        0, 1, 2, 0x7fffffff, 0x80000000, 0xffffffff, 1ULL << 63u, ~uint64_t{0}};
    return Below(2) == 0 ? Below(12) : kEdges[Below(std::size(kEdges))];
  }

  std::string Text(const std::string& text) {
    if (!text.empty() && text.front() == '{' && Below(8) != 0) {
      const auto mutated =
          MutateJson(text, static_cast<uint32_t>(random_()), mutate_text_);
      if (mutated) return *mutated;
    }
    std::string mutated = mutate_text_(text);
    // The parser refuses a string that is not UTF-8 whole.
    if (Below(8) != 0) {
      for (char& c : mutated) c = static_cast<char>(c & 0x7f);
    }
    return mutated;
  }

  void ChangeSingle(Message& message, const FieldDescriptor& field) {
    const Reflection& reflection = *message.GetReflection();
    if (reflection.HasField(message, &field) && Below(8) == 0) {
      reflection.ClearField(&message, &field);
      return;
    }
    switch (field.cpp_type()) {
      case FieldDescriptor::CPPTYPE_MESSAGE:
        Apply(*reflection.MutableMessage(&message, &field));
        break;
      case FieldDescriptor::CPPTYPE_STRING:
        reflection.SetString(&message, &field,
                             Text(reflection.GetString(message, &field)));
        break;
      case FieldDescriptor::CPPTYPE_ENUM:
        reflection.SetEnumValue(&message, &field, static_cast<int>(Below(12)));
        break;
      case FieldDescriptor::CPPTYPE_BOOL:
        reflection.SetBool(&message, &field, Below(2) == 0);
        break;
      case FieldDescriptor::CPPTYPE_INT32:
        reflection.SetInt32(&message, &field, static_cast<int32_t>(Number()));
        break;
      case FieldDescriptor::CPPTYPE_UINT32:
        reflection.SetUInt32(&message, &field, static_cast<uint32_t>(Number()));
        break;
      case FieldDescriptor::CPPTYPE_INT64:
        reflection.SetInt64(&message, &field, static_cast<int64_t>(Number()));
        break;
      case FieldDescriptor::CPPTYPE_UINT64:
        reflection.SetUInt64(&message, &field, Number());
        break;
      default:
        break;
    }
  }

  void ChangeRepeated(Message& message, const FieldDescriptor& field) {
    const Reflection& reflection = *message.GetReflection();
    const int size = reflection.FieldSize(message, &field);
    const bool is_text = field.cpp_type() == FieldDescriptor::CPPTYPE_STRING;
    const bool is_message =
        field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE;
    if (!is_text && !is_message) return;
    if (size > 0 && Below(8) == 0) {
      reflection.RemoveLast(&message, &field);
      return;
    }
    if (size == 0 || Below(4) == 0) {
      if (is_text) {
        reflection.AddString(&message, &field, Text("a"));
      } else {
        Message* const added = reflection.AddMessage(&message, &field);
        if (size > 0) {
          added->CopyFrom(reflection.GetRepeatedMessage(message, &field, 0));
        }
        Apply(*added);
      }
      return;
    }
    const int at = static_cast<int>(Below(size));
    if (is_text) {
      reflection.SetRepeatedString(
          &message, &field, at,
          Text(reflection.GetRepeatedString(message, &field, at)));
    } else {
      Apply(*reflection.MutableRepeatedMessage(&message, &field, at));
    }
  }

  std::minstd_rand random_;
  const TextMutator& mutate_text_;
};

}  // namespace

void MutateMessage(Message& message, uint32_t seed,
                   const TextMutator& mutate_text) {
  Mutation(seed, mutate_text).Apply(message);
}

}  // namespace pdp::fuzz
