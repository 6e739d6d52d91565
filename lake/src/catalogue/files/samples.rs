//! A small catalogue without faults, for tests to take apart.

use super::SourceFile;

const UNITS: &str = "\
unit,code,name,name_en,kind,level,parent,valid_from,valid_to,legal_basis
01.1,01,Thành phố Hà Nội,Hà Nội City,thanh_pho,city,,2008-08-01,,15/2008/QH12
273.1,273,Huyện Đan Phượng,,huyen,district,01.1,2020-03-01,,
09784.1,09784,Thị trấn Phùng,,thi_tran,commune,273.1,2020-03-01,,
09829.1,09829,Xã Song Phượng,,xa,commune,273.1,2020-03-01,,
";

const SUCCESSION: &str = "\
from,to,effective,event,extent,population,area,households,villages,source,confidence
";

const INDICATORS: &str = "\
indicator,name_vi,name_en,kind,unit_of_measure,pillar,behaviour,aggregation,aggregation_time,\
numerator,denominator,factor,direction,levels,stages,default_stage,min,max,integer,tier,\
rebase_weight,ranks,precedence
villages_total,\"Tổng số thôn, TDP\",,count,thôn,,stock,sum,last,,,,neutral,commune;district;city,\
self,self,0,,TRUE,open,units,,dan-phuong
par_index_pct,Chỉ số CCHC,PAR INDEX,score,%,chính quyền số,intensive,mean,none,,,,higher,\
district; commune,self;final,final,0.000001,100,,open,none,,
par_index_rank,Xếp hạng CCHC,,rank,hạng,,intensive,none,none,,,,lower,district,final,final,1,,true,\
open,none,par_index_pct,
coverage_pct,Tỷ lệ,,ratio,%,,ratio,ratio_of_sums,last,villages_total,villages_total,100,higher,\
district,self,self,0,100,false,open,none,,
";

const FEEDS: &str = "\
feed,name_vi,name_en,class,calendar,precedence,within,indicators
dan-phuong,Huyện Đan Phượng,,official,gregorian,10,273,villages_total;par_index_pct
";

/// The files of a catalogue without faults: 4 units, 4 indicators, 1 feed.
pub(crate) fn files() -> Vec<SourceFile> {
    let files = [
        ("units.csv", UNITS),
        ("indicators.csv", INDICATORS),
        ("feeds.csv", FEEDS),
        ("succession.csv", SUCCESSION),
    ];
    files.map(|(name, text)| SourceFile { name: name.to_owned(), text: text.to_owned() }).into()
}
