#include "model/kind.h"

#include <stddef.h>
#include <string.h>

#define COUNT_MAX 9007199254740992.0 /* 2^53: what a double still counts one by one */

#define NUMBER(name_, class_, unit_, min_, max_, vi_, en_)                                         \
    {                                                                                              \
        .name = (name_), .class = CLASS_##class_, .type = KIND_NUMBER, .unit = (unit_),            \
        .min = (min_), .max = (max_), .label_vi = (vi_), .label_en = (en_)                         \
    }
#define COUNTER(name_, class_, unit_, vi_, en_)                                                    \
    {                                                                                              \
        .name = (name_), .class = CLASS_##class_, .type = KIND_COUNTER, .unit = (unit_), .min = 0, \
        .max = COUNT_MAX, .label_vi = (vi_), .label_en = (en_)                                     \
    }
#define STATE(name_, class_, vi_, en_)                                                             \
    {                                                                                              \
        .name = (name_), .class = CLASS_##class_, .type = KIND_BOOL, .unit = "", .min = 0,         \
        .max = 1, .label_vi = (vi_), .label_en = (en_)                                             \
    }
#define TEXT(name_, class_, vi_, en_)                                                              \
    {                                                                                              \
        .name = (name_), .class = CLASS_##class_, .type = KIND_STRING, .unit = "",                 \
        .label_vi = (vi_), .label_en = (en_)                                                       \
    }

/*
 * Ranges are what a working sensor can report somewhere on earth, not what is healthy: outside them
 * the reading is wrong, inside them it is for a rule to judge.
 */
static const struct kind kinds[] = {
    /* clang-format off */
    NUMBER("pm2_5", AIR, "ug/m3", 0, 2000, "Bụi mịn PM2.5", "Fine dust PM2.5"),
    NUMBER("pm10", AIR, "ug/m3", 0, 5000, "Bụi PM10", "Dust PM10"),
    NUMBER("tsp", AIR, "ug/m3", 0, 10000, "Tổng bụi lơ lửng TSP", "Total suspended particles"),
    NUMBER("so2", AIR, "ug/m3", 0, 20000, "Lưu huỳnh điôxít SO2", "Sulphur dioxide SO2"),
    NUMBER("no2", AIR, "ug/m3", 0, 20000, "Nitơ điôxít NO2", "Nitrogen dioxide NO2"),
    NUMBER("o3", AIR, "ug/m3", 0, 5000, "Ôzôn O3", "Ozone O3"),
    NUMBER("co", AIR, "ug/m3", 0, 1000000, "Cacbon mônôxít CO", "Carbon monoxide CO"),
    NUMBER("co2", AIR, "ppm", 0, 50000, "Cacbon điôxít CO2", "Carbon dioxide CO2"),
    NUMBER("tvoc", AIR, "ppb", 0, 100000, "Tổng hợp chất hữu cơ bay hơi", "Volatile organic compounds"),
    NUMBER("noise", AIR, "dB", 0, 160, "Tiếng ồn", "Noise"),

    NUMBER("air_temperature", WEATHER, "Cel", -60, 70, "Nhiệt độ không khí", "Air temperature"),
    NUMBER("humidity", WEATHER, "%RH", 0, 100, "Độ ẩm không khí", "Relative humidity"),
    NUMBER("absolute_humidity", WEATHER, "g/m3", 0, 500, "Độ ẩm tuyệt đối", "Absolute humidity"),
    NUMBER("dew_point", WEATHER, "Cel", -100, 70, "Điểm sương", "Dew point"),
    NUMBER("pressure", WEATHER, "hPa", 400, 1100, "Áp suất không khí", "Air pressure"),
    NUMBER("wind_speed", WEATHER, "m/s", 0, 100, "Tốc độ gió", "Wind speed"),
    NUMBER("wind_gust", WEATHER, "m/s", 0, 150, "Gió giật", "Wind gust"),
    NUMBER("wind_direction", WEATHER, "deg", 0, 360, "Hướng gió", "Wind direction"),
    NUMBER("wind_sector", WEATHER, "1", 0, 15, "Hướng gió theo cung", "Wind sector, clockwise from north"),
    NUMBER("wind_force", WEATHER, "Bft", 0, 17, "Cấp gió", "Wind force"),
    NUMBER("rain", WEATHER, "mm", 0, 100000, "Lượng mưa", "Rainfall"),
    NUMBER("rain_rate", WEATHER, "mm/h", 0, 1000, "Cường độ mưa", "Rain rate"),
    NUMBER("precipitation_type", WEATHER, "1", 0, 255, "Loại giáng thủy", "Type of precipitation"),
    NUMBER("illuminance", WEATHER, "lx", 0, 250000, "Độ rọi", "Illuminance"),
    NUMBER("solar", WEATHER, "W/m2", 0, 2000, "Bức xạ mặt trời", "Solar radiation"),
    NUMBER("uv_index", WEATHER, "1", 0, 25, "Chỉ số tia cực tím UV", "UV index"),
    NUMBER("sun_azimuth", WEATHER, "deg", 0, 360, "Phương vị mặt trời", "Sun's azimuth"),
    NUMBER("compass", WEATHER, "deg", 0, 360, "La bàn của trạm", "Station's compass"),

    NUMBER("water_temperature", WATER, "Cel", -5, 100, "Nhiệt độ nước", "Water temperature"),
    NUMBER("ph", WATER, "pH", 0, 14, "Độ pH", "pH"),
    NUMBER("dissolved_oxygen", WATER, "mg/L", 0, 60, "Ôxy hòa tan DO", "Dissolved oxygen"),
    NUMBER("oxygen_saturation", WATER, "%", 0, 500, "Độ bão hòa ôxy", "Oxygen saturation"),
    NUMBER("conductivity", WATER, "uS/cm", 0, 200000, "Độ dẫn điện của nước", "Water conductivity"),
    NUMBER("specific_conductance", WATER, "uS/cm", 0, 200000, "Độ dẫn điện riêng ở 25 °C", "Specific conductance at 25 °C"),
    NUMBER("turbidity", WATER, "NTU", 0, 10000, "Độ đục", "Turbidity"),
    NUMBER("turbidity_fnu", WATER, "FNU", 0, 10000, "Độ đục FNU", "Turbidity by infrared light"),
    NUMBER("chlorophyll", WATER, "ug/L", 0, 10000, "Diệp lục", "Chlorophyll"),
    NUMBER("blue_green_algae", WATER, "ug/L", 0, 10000, "Tảo lam", "Blue-green algae"),
    NUMBER("orp", WATER, "mV", -2000, 2000, "Thế ôxy hóa khử ORP", "Redox potential"),
    NUMBER("ammonium", WATER, "mg/L", 0, 1000, "Amoni NH4+", "Ammonium"),
    NUMBER("nitrate", WATER, "mg/L", 0, 1000, "Nitrat NO3-", "Nitrate"),
    NUMBER("cod", WATER, "mg/L", 0, 20000, "Nhu cầu ôxy hóa học COD", "Chemical oxygen demand"),
    NUMBER("bod5", WATER, "mg/L", 0, 10000, "Nhu cầu ôxy sinh hóa BOD5", "Biochemical oxygen demand"),
    NUMBER("tss", WATER, "mg/L", 0, 50000, "Tổng chất rắn lơ lửng TSS", "Total suspended solids"),
    NUMBER("water_level", WATER, "m", -100, 1000, "Mực nước", "Water level"),
    NUMBER("water_depth", WATER, "m", -10, 1000, "Độ sâu đầu đo", "Depth of the probe"),
    NUMBER("flow", WATER, "m3/h", -1000000, 1000000, "Lưu lượng nước", "Water flow"),

    NUMBER("soil_moisture", SOIL, "%", 0, 100, "Độ ẩm đất", "Soil moisture"),
    NUMBER("soil_temperature", SOIL, "Cel", -40, 80, "Nhiệt độ đất", "Soil temperature"),
    NUMBER("soil_ec", SOIL, "uS/cm", 0, 50000, "Độ dẫn điện của đất", "Soil conductivity"),

    NUMBER("voltage", ENERGY, "V", 0, 150000, "Điện áp", "Voltage"),
    NUMBER("current", ENERGY, "A", -20000, 20000, "Dòng điện", "Current"),
    NUMBER("power", ENERGY, "W", -1e9, 1e9, "Công suất tác dụng", "Active power"),
    NUMBER("reactive_power", ENERGY, "var", -1e9, 1e9, "Công suất phản kháng", "Reactive power"),
    NUMBER("apparent_power", ENERGY, "VA", -1e9, 1e9, "Công suất biểu kiến", "Apparent power"),
    NUMBER("power_factor", ENERGY, "1", -1, 1, "Hệ số công suất", "Power factor"),
    NUMBER("phase_angle", ENERGY, "deg", -360, 360, "Góc pha", "Phase angle"),
    NUMBER("frequency", ENERGY, "Hz", 0, 500, "Tần số lưới", "Mains frequency"),
    NUMBER("thd", ENERGY, "%", 0, 1000, "Độ méo sóng hài THD", "Total harmonic distortion"),
    COUNTER("energy", ENERGY, "kWh", "Điện năng", "Energy"),
    COUNTER("reactive_energy", ENERGY, "kvarh", "Điện năng phản kháng", "Reactive energy"),
    COUNTER("apparent_energy", ENERGY, "kVAh", "Điện năng biểu kiến", "Apparent energy"),

    STATE("lamp_state", LIGHTING, "Trạng thái đèn", "Lamp state"),
    STATE("lamp_command", LIGHTING, "Lệnh đèn", "Lamp command"),
    NUMBER("dim_level", LIGHTING, "%", 0, 100, "Mức sáng", "Dimming level"),
    NUMBER("arc_power", LIGHTING, "1", 0, 254, "Mức DALI của đèn", "DALI arc power level"),
    COUNTER("lamp_hours", LIGHTING, "h", "Giờ chiếu sáng", "Burning hours"),
    NUMBER("circuit_current", LIGHTING, "A", 0, 1000, "Dòng điện lộ đèn", "Circuit current"),
    STATE("cabinet_door", LIGHTING, "Cửa tủ", "Cabinet door"),
    STATE("breaker", LIGHTING, "Áptômát", "Circuit breaker"),
    NUMBER("leakage", LIGHTING, "mA", 0, 100000, "Dòng rò", "Leakage current"),

    COUNTER("vehicle_count", TRAFFIC, "1", "Số lượt xe", "Vehicle count"),
    NUMBER("occupancy", TRAFFIC, "%", 0, 100, "Độ chiếm dụng đường", "Lane occupancy"),
    NUMBER("speed", TRAFFIC, "km/h", 0, 300, "Tốc độ xe", "Vehicle speed"),
    NUMBER("headway", TRAFFIC, "s", 0, 86400, "Giãn cách xe", "Headway"),
    NUMBER("queue_length", TRAFFIC, "m", 0, 20000, "Chiều dài hàng chờ", "Queue length"),
    NUMBER("weight", TRAFFIC, "kg", 0, 500000, "Tổng trọng lượng xe", "Vehicle weight"),
    NUMBER("axle_weight", TRAFFIC, "kg", 0, 100000, "Tải trọng trục", "Axle weight"),
    NUMBER("axle_count", TRAFFIC, "1", 0, 99, "Số trục xe", "Axles"),
    STATE("overload", TRAFFIC, "Xe quá tải", "Overloaded vehicle"),
    STATE("wrong_way", TRAFFIC, "Xe đi ngược chiều", "Vehicle in the wrong direction"),
    STATE("parking_occupied", TRAFFIC, "Chỗ đỗ có xe", "Parking place occupied"),
    NUMBER("parking_free", TRAFFIC, "1", 0, 100000, "Số chỗ đỗ", "Parking places"),
    TEXT("vms_message", TRAFFIC, "Nội dung biển báo", "Sign message"),
    STATE("vms_fault", TRAFFIC, "Biển báo hỏng", "Sign fault"),
    NUMBER("brightness", TRAFFIC, "%", 0, 100, "Độ sáng biển báo", "Sign brightness"),

    NUMBER("uptime", SYSTEM, "s", 0, COUNT_MAX, "Thời gian hoạt động", "Uptime"),
    NUMBER("rssi", SYSTEM, "dBm", -200, 30, "Cường độ tín hiệu", "Signal strength"),
    NUMBER("supply_voltage", SYSTEM, "V", 0, 1000, "Điện áp nguồn", "Supply voltage"),
    NUMBER("enclosure_temperature", SYSTEM, "Cel", -60, 125, "Nhiệt độ trong tủ", "Enclosure temperature"),
    NUMBER("storage_free", SYSTEM, "%", 0, 100, "Bộ nhớ còn trống", "Free storage"),
    NUMBER("clock_offset", SYSTEM, "ms", -1e15, 1e15, "Sai lệch đồng hồ", "Clock offset"),
    STATE("contact", SYSTEM, "Tiếp điểm", "Contact"),
    COUNTER("pulse_count", SYSTEM, "1", "Số xung", "Pulse count"),
    NUMBER("pulse_rate", SYSTEM, "Hz", 0, 1e6, "Tần số xung", "Pulse rate"),
    NUMBER("device_status", SYSTEM, "1", 0, COUNT_MAX, "Mã trạng thái thiết bị", "Device status word"),
    NUMBER("device_command", SYSTEM, "1", 0, 65535, "Lệnh thiết bị", "Device command word"),
    STATE("device_fault", SYSTEM, "Thiết bị hỏng", "Device fault"),
    STATE("counter_command", SYSTEM, "Lệnh bộ đếm", "Counter command"),
    NUMBER("bus_load", SYSTEM, "%", 0, 100, "Tải đường truyền", "Bus load"),
    NUMBER("interval", SYSTEM, "s", 0, 1e9, "Khoảng thời gian", "Interval"),
    NUMBER("raw", SYSTEM, "1", -1e15, 1e15, "Giá trị thô, chưa rõ đơn vị", "Raw value, unit unknown"),
    /* clang-format on */
};

#define KIND_COUNT (sizeof(kinds) / sizeof(*kinds))

const struct kind *kind_find(const char *name)
{
    for (size_t i = 0; i < KIND_COUNT; i++)
        if (strcmp(kinds[i].name, name) == 0)
            return &kinds[i];
    return NULL;
}

const struct kind *kind_at(unsigned index)
{
    return index < KIND_COUNT ? &kinds[index] : NULL;
}

const char *kind_class_name(enum kind_class class)
{
    static const char *const names[] = {"air",    "weather",  "water",   "soil",
                                        "energy", "lighting", "traffic", "system"};
    return names[class];
}

const char *kind_type_name(enum kind_type type)
{
    static const char *const names[] = {"number", "bool", "counter", "string"};
    return names[type];
}
