// The part of TensorFlow's C API that @tensorflow/tfjs-node 4.22 is written against, for compiling its addon where the
// library comes from a registry without its headers. The API is stable: these declarations are TensorFlow's own, of
// tensorflow/c/c_api.h, tf_tensor.h, tf_tstring.h and eager/c_api.h, https://github.com/tensorflow/tensorflow/tree/v2.9.1,
// Copyright The TensorFlow Authors, Apache License 2.0.
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum TF_DataType {
  TF_FLOAT = 1,
  TF_DOUBLE = 2,
  TF_INT32 = 3,
  TF_UINT8 = 4,
  TF_INT16 = 5,
  TF_INT8 = 6,
  TF_STRING = 7,
  TF_COMPLEX64 = 8,
  TF_INT64 = 9,
  TF_BOOL = 10,
  TF_RESOURCE = 20,
} TF_DataType;

typedef enum TF_AttrType {
  TF_ATTR_STRING = 0,
  TF_ATTR_INT = 1,
  TF_ATTR_FLOAT = 2,
  TF_ATTR_BOOL = 3,
  TF_ATTR_TYPE = 4,
  TF_ATTR_SHAPE = 5,
  TF_ATTR_TENSOR = 6,
  TF_ATTR_PLACEHOLDER = 7,
  TF_ATTR_FUNC = 8,
} TF_AttrType;

typedef enum TF_Code { TF_OK = 0 } TF_Code;

typedef struct TF_DeviceList TF_DeviceList;
typedef struct TF_Graph TF_Graph;
typedef struct TF_Operation TF_Operation;
typedef struct TF_Session TF_Session;
typedef struct TF_SessionOptions TF_SessionOptions;
typedef struct TF_Status TF_Status;
typedef struct TF_Tensor TF_Tensor;
typedef struct TFE_Context TFE_Context;
typedef struct TFE_ContextOptions TFE_ContextOptions;
typedef struct TFE_Op TFE_Op;
typedef struct TFE_TensorHandle TFE_TensorHandle;

typedef struct TF_Buffer {
  const void* data;
  size_t length;
  void (*data_deallocator)(void* data, size_t length);
} TF_Buffer;

typedef struct TF_Output {
  TF_Operation* oper;
  int index;
} TF_Output;

// Only handled through the functions below; of this size on 64-bit machines.
typedef struct TF_TString {
  uint64_t opaque[3];
} TF_TString;

extern const char* TF_Version(void);

extern TF_Status* TF_NewStatus(void);
extern void TF_DeleteStatus(TF_Status*);
extern TF_Code TF_GetCode(const TF_Status* s);
extern const char* TF_Message(const TF_Status* s);

extern void TF_StringInit(TF_TString* t);
extern void TF_StringCopy(TF_TString* dst, const char* src, size_t size);
extern const char* TF_StringGetDataPointer(const TF_TString* tstr);
extern size_t TF_StringGetSize(const TF_TString* tstr);
extern void TF_StringDealloc(TF_TString* tstr);
// Names that the library has inside, and the addon uses.
#define TF_TString_Init TF_StringInit
#define TF_TString_Copy TF_StringCopy
#define TF_TString_GetDataPointer TF_StringGetDataPointer
#define TF_TString_GetSize TF_StringGetSize
#define TF_TString_Dealloc TF_StringDealloc

extern size_t TF_DataTypeSize(TF_DataType dt);
extern TF_Tensor* TF_NewTensor(TF_DataType, const int64_t* dims, int num_dims, void* data, size_t len,
                               void (*deallocator)(void* data, size_t len, void* arg), void* deallocator_arg);
extern TF_Tensor* TF_AllocateTensor(TF_DataType, const int64_t* dims, int num_dims, size_t len);
extern void TF_DeleteTensor(TF_Tensor*);
extern TF_DataType TF_TensorType(const TF_Tensor*);
extern int TF_NumDims(const TF_Tensor*);
extern int64_t TF_Dim(const TF_Tensor* tensor, int dim_index);
extern size_t TF_TensorByteSize(const TF_Tensor*);
extern void* TF_TensorData(const TF_Tensor*);
extern int64_t TF_TensorElementCount(const TF_Tensor* tensor);

extern TF_Buffer* TF_NewBuffer(void);
extern TF_Buffer* TF_NewBufferFromString(const void* proto, size_t proto_len);
extern void TF_DeleteBuffer(TF_Buffer*);

extern TF_Graph* TF_NewGraph(void);
extern void TF_DeleteGraph(TF_Graph*);
extern TF_Operation* TF_GraphOperationByName(TF_Graph* graph, const char* oper_name);

extern TF_SessionOptions* TF_NewSessionOptions(void);
extern void TF_DeleteSessionOptions(TF_SessionOptions*);
extern TF_Session* TF_LoadSessionFromSavedModel(const TF_SessionOptions* session_options, const TF_Buffer* run_options,
                                                const char* export_dir, const char* const* tags, int tags_len,
                                                TF_Graph* graph, TF_Buffer* meta_graph_def, TF_Status* status);
extern void TF_DeleteSession(TF_Session*, TF_Status* status);
extern void TF_SessionRun(TF_Session* session, const TF_Buffer* run_options, const TF_Output* inputs,
                          TF_Tensor* const* input_values, int ninputs, const TF_Output* outputs,
                          TF_Tensor** output_values, int noutputs, const TF_Operation* const* target_opers,
                          int ntargets, TF_Buffer* run_metadata, TF_Status*);

extern void TF_DeleteDeviceList(TF_DeviceList* list);
extern int TF_DeviceListCount(const TF_DeviceList* list);
extern const char* TF_DeviceListName(const TF_DeviceList* list, int index, TF_Status* status);
extern const char* TF_DeviceListType(const TF_DeviceList* list, int index, TF_Status* status);

extern TFE_ContextOptions* TFE_NewContextOptions(void);
extern void TFE_DeleteContextOptions(TFE_ContextOptions*);
extern TFE_Context* TFE_NewContext(const TFE_ContextOptions* opts, TF_Status* status);
extern void TFE_DeleteContext(TFE_Context* ctx);
extern TF_DeviceList* TFE_ContextListDevices(TFE_Context* ctx, TF_Status* status);

extern TFE_TensorHandle* TFE_NewTensorHandle(const TF_Tensor* t, TF_Status* status);
extern void TFE_DeleteTensorHandle(TFE_TensorHandle* h);
extern TF_DataType TFE_TensorHandleDataType(TFE_TensorHandle* h);
extern int TFE_TensorHandleNumDims(TFE_TensorHandle* h, TF_Status* status);
extern int64_t TFE_TensorHandleDim(TFE_TensorHandle* h, int dim_index, TF_Status* status);
extern TF_Tensor* TFE_TensorHandleResolve(TFE_TensorHandle* h, TF_Status* status);
extern TFE_TensorHandle* TFE_TensorHandleCopyToDevice(TFE_TensorHandle* h, TFE_Context* ctx, const char* device_name,
                                                      TF_Status* status);

extern TFE_Op* TFE_NewOp(TFE_Context* ctx, const char* op_or_function_name, TF_Status* status);
extern void TFE_DeleteOp(TFE_Op* op);
extern void TFE_OpAddInput(TFE_Op* op, TFE_TensorHandle* input, TF_Status* status);
extern void TFE_OpSetAttrString(TFE_Op* op, const char* attr_name, const void* value, size_t length);
extern void TFE_OpSetAttrInt(TFE_Op* op, const char* attr_name, int64_t value);
extern void TFE_OpSetAttrFloat(TFE_Op* op, const char* attr_name, float value);
extern void TFE_OpSetAttrBool(TFE_Op* op, const char* attr_name, unsigned char value);
extern void TFE_OpSetAttrType(TFE_Op* op, const char* attr_name, TF_DataType value);
extern void TFE_OpSetAttrShape(TFE_Op* op, const char* attr_name, const int64_t* dims, const int num_dims,
                               TF_Status* out_status);
extern void TFE_OpSetAttrIntList(TFE_Op* op, const char* attr_name, const int64_t* values, int num_values);
extern void TFE_OpSetAttrFloatList(TFE_Op* op, const char* attr_name, const float* values, int num_values);
extern void TFE_OpSetAttrBoolList(TFE_Op* op, const char* attr_name, const unsigned char* values, int num_values);
extern void TFE_Execute(TFE_Op* op, TFE_TensorHandle** retvals, int* num_retvals, TF_Status* status);

#ifdef __cplusplus
}
#endif
